//! The steps of trials that are conversations: what stands in [`Tried::part`](super::Tried::part).

/// Before everything else, or for the first time.
pub const BEFORE: &str = "before";
/// Behind everything else.
pub const AFTER: &str = "after";

/// A resource is created.
pub const CREATE: &str = "create";
/// One of the same name is created while the first is there.
pub const CREATE_AGAIN: &str = "create again";
/// It is read.
pub const READ: &str = "read";
/// It is compared with the config by which it was created, its outputs being those of the create.
pub const DIFF_OF_CREATED: &str = "diff of what was created";
/// The same, its outputs being those that were read, with the keys of their JSON in another order.
pub const DIFF_OF_READ: &str = "diff of what was read";
/// It is compared with a config in which one field is another; the field follows behind a space.
pub const DIFF_OF_CHANGED: &str = "diff of a changed";
/// A plan is validated whose config has a key that nobody knows.
pub const PLAN_OF_UNKNOWN: &str = "plan with a key that nobody knows";
/// It is compared with that config.
pub const DIFF_OF_UNKNOWN: &str = "diff of a key that nobody knows";
/// It is updated.
pub const UPDATE: &str = "update";
/// It is deleted.
pub const DELETE: &str = "delete";
/// It is deleted although it is gone.
pub const DELETE_AGAIN: &str = "delete again";
/// It is read although it is gone.
pub const READ_GONE: &str = "read behind its end";

/// What there is of a type is listed.
pub const LIST: &str = "list";

/// A state backend is asked what it is called, and configured, wrongly at first.
pub const CONFIGURE: &str = "configure";
/// What may be left of another time, or is left of this one, is looked for, deleted and unlocked.
pub const CLEAN_UP: &str = "clean up";
/// Records are saved, read, replaced and deleted.
pub const RECORDS: &str = "records";
/// Records are listed by what they have.
pub const LISTS: &str = "lists";
/// Resources are locked and unlocked.
pub const LOCKS: &str = "locks";
/// What was locked over one connection is unlocked over another.
pub const ANOTHER_CONNECTION: &str = "over another connection";
/// One resource is locked many times at once.
pub const AT_ONCE: &str = "at once";
