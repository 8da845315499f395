use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    CloudError, Resource, Seed, Target, Traits,
    config::text,
    resource::{Facts, last_segment},
};

/// The resources, under both their keys. Every operation is constant in the number of resources.
#[derive(Debug, Default)]
pub(super) struct Store {
    by_id: HashMap<String, Arc<Resource>>,
    /// Type, then name.
    by_name: HashMap<String, HashMap<String, Arc<Resource>>>,
    /// The last number given out, by last segment of the type.
    counters: HashMap<String, u64>,
    /// Ids that came from outside, whether their resources live or not.
    foreign_ids: HashSet<String>,
}

impl Store {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.by_id.values()
    }

    pub(super) fn find(&self, target: &Target<'_>) -> Result<&Arc<Resource>, CloudError> {
        let found = if !target.provider_id.is_empty() {
            self.by_id.get(target.provider_id).filter(|found| found.resource_type == target.resource_type)
        } else if !target.name.is_empty() {
            self.named(target.resource_type, target.name)
        } else {
            return Err(CloudError::InvalidArgument("a reference needs a provider_id or a name".into()));
        };
        found.ok_or_else(|| CloudError::NotFound(target.to_string()))
    }

    fn named(&self, resource_type: &str, name: &str) -> Option<&Arc<Resource>> {
        self.by_name.get(resource_type)?.get(name)
    }

    pub(super) fn insert(&mut self, seed: &Seed<'_>, traits: &Traits) -> Result<Arc<Resource>, CloudError> {
        let Seed { resource_type, name, provider_id, .. } = *seed;
        if let Some(holder) = self.named(resource_type, name).or_else(|| self.by_id.get(provider_id)) {
            return Err(CloudError::AlreadyExists(holder.target().to_string()));
        }
        let (config, seeded) = (text(seed.config), text(seed.outputs));
        let facts = Facts::new(&config, &seeded)?;
        let provider_id = if provider_id.is_empty() {
            Cow::Owned(self.next_id(last_segment(resource_type)))
        } else {
            self.foreign_ids.insert(provider_id.to_owned());
            Cow::Borrowed(provider_id)
        };
        let target = Target { resource_type, name, provider_id: &provider_id };
        Ok(self.put(Resource::new(&target, facts, traits.sensitive.contains(resource_type))))
    }

    fn next_id(&mut self, segment: &str) -> String {
        let counter = self.counters.entry(segment.to_owned()).or_default();
        loop {
            *counter += 1;
            let id = format!("{segment}-{counter}");
            if !self.foreign_ids.contains(&id) {
                return id;
            }
        }
    }

    /// Gives a resource the config that `config` makes of it, and the target's name if it has one.
    pub(super) fn update<'a>(
        &mut self,
        target: &Target<'_>,
        config: impl FnOnce(&Resource) -> Result<Cow<'a, str>, CloudError>,
    ) -> Result<Arc<Resource>, CloudError> {
        let live = Arc::clone(self.find(target)?);
        let name = if target.name.is_empty() { &live.name } else { target.name };
        if name != live.name
            && let Some(holder) = self.named(&live.resource_type, name)
        {
            return Err(CloudError::AlreadyExists(holder.target().to_string()));
        }
        let (config, seeded) = (config(&live)?, text(&live.seeded));
        let facts = Facts::new(&config, &seeded)?;
        let updated = Resource::new(&Target { name, ..live.target() }, facts, live.sensitive);
        self.take(&live);
        Ok(self.put(Resource { owner: live.owner.clone(), ..updated }))
    }

    /// Makes a resource somebody's.
    pub(super) fn own(&mut self, target: &Target<'_>, owner: &str) -> Result<(), CloudError> {
        let live = Arc::clone(self.find(target)?);
        self.put(Resource { owner: owner.to_owned(), ..Resource::clone(&live) });
        Ok(())
    }

    pub(super) fn remove(&mut self, target: &Target<'_>) -> Result<(), CloudError> {
        let live = Arc::clone(self.find(target)?);
        self.take(&live);
        Ok(())
    }

    fn put(&mut self, resource: Resource) -> Arc<Resource> {
        let resource = Arc::new(resource);
        self.by_id.insert(resource.provider_id.clone(), Arc::clone(&resource));
        let names = self.by_name.entry(resource.resource_type.clone()).or_default();
        names.insert(resource.name.clone(), Arc::clone(&resource));
        resource
    }

    fn take(&mut self, resource: &Resource) {
        self.by_id.remove(&resource.provider_id);
        if let Some(names) = self.by_name.get_mut(&resource.resource_type) {
            names.remove(&resource.name);
        }
    }
}
