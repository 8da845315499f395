/// Why the cloud refused. The texts carry the phrases by which engines recognise a failure when they do not
/// look at its code (E-164, E-165).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// Nothing exists there. What was looked for.
    #[error("iac: resource not found: {0}")]
    NotFound(String),
    /// The type and name, or the id, belongs to a live resource. Which one.
    #[error("iac: resource already exists: {0}")]
    AlreadyExists(String),
    /// The request makes no sense. Why.
    #[error("iac: validation error: {0}")]
    InvalidArgument(String),
}
