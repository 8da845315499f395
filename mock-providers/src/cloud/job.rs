/// A job in the cloud. One that waits for no time of day has run, and well, as soon as it is started.
///
/// The values of its environment are no part of it: what is not kept is shown nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The id, unique in the cloud.
    pub id: String,
    /// The name.
    pub name: String,
    /// The image that it runs.
    pub image: String,
    /// The command in the image; empty for the image's own.
    pub command: String,
    /// When it is to run; empty for at once.
    pub cron: String,
}

impl Job {
    /// Whether it has run to its end.
    pub fn is_done(&self) -> bool {
        self.cron.is_empty()
    }

    /// What it printed so far, line by line.
    pub fn log(&self) -> Vec<String> {
        if !self.is_done() {
            return Vec::new();
        }
        let command = if self.command.is_empty() { "its own command" } else { &self.command };
        vec![format!("{}: {} runs {command}", self.id, self.image), format!("{}: done", self.id)]
    }
}
