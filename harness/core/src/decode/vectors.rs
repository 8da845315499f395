pub struct Vector; pub fn vectors() -> Vec<Vector> { Vec::new() }
