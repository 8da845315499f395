// Adapters between Counterfoil and decoders that are written in Go.
module counterfoil/adapter

go 1.26

require google.golang.org/protobuf v1.36.11
