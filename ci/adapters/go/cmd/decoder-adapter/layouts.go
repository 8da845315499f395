package main

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// deepest is how deep messages may nest: the limit of other runtimes, and far below that of this one.
const deepest = 100

// checkLayouts goes through the bytes of a message before the runtime does, for what that passes over: a known field in
// a layout that its type cannot have, and an entry of a map that a later one with the same key replaces. The runtime
// keeps the former as an unknown field, drops it from an entry of a map, and panics where it comes behind a key that
// could be read.
func checkLayouts(described protoreflect.MessageDescriptor, encoded []byte, depth int) *refusal {
	if depth > deepest {
		return refuse("DEC-017", "messages nest more than %d deep", deepest)
	}
	fields := described.Fields()
	for len(encoded) > 0 {
		number, layout, size := protowire.ConsumeField(encoded)
		if size < 0 {
			return refuse("DEC-017", "%v", protowire.ParseError(size))
		}
		if field := fields.ByNumber(number); field != nil {
			if refusal := checkLayout(field, layout, encoded[:size], depth); refusal != nil {
				return refusal.within(string(field.Name()))
			}
		}
		encoded = encoded[size:]
	}
	return nil
}

// checkLayout checks a known field, and what is in it.
func checkLayout(field protoreflect.FieldDescriptor, layout protowire.Type, encoded []byte, depth int) *refusal {
	if !canHave(field, layout) {
		return refuse("DEC-017", "the wire type is %d, where %d is due", layout, layoutOf(field.Kind()))
	}
	if field.Message() == nil || layout != protowire.BytesType {
		return nil
	}
	_, _, tag := protowire.ConsumeTag(encoded)
	inner, _ := protowire.ConsumeBytes(encoded[tag:])
	if refusal := checkLayouts(field.Message(), inner, depth+1); refusal != nil {
		return refusal
	}
	return checkEntry(field, inner)
}

// checkEntry checks the value in an entry of a map: in the message that the runtime makes, only the last entry of a key
// is left.
func checkEntry(field protoreflect.FieldDescriptor, encoded []byte) *refusal {
	if !field.IsMap() || !isChecked(field.MapValue()) {
		return nil
	}
	entry, refusal := unmarshal(field.Message(), encoded)
	if refusal != nil {
		return refusal
	}
	return checkValues(entry)
}

// canHave tells whether a field may come in a layout: that of its type, or elements side by side.
func canHave(field protoreflect.FieldDescriptor, layout protowire.Type) bool {
	due := layoutOf(field.Kind())
	isPacked := layout == protowire.BytesType && field.IsList() && due != protowire.StartGroupType
	return layout == due || isPacked
}

// layoutOf is the layout of a single value.
func layoutOf(kind protoreflect.Kind) protowire.Type {
	switch kind {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.DoubleKind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.Fixed64Type
	case protoreflect.FloatKind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.Fixed32Type
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	default:
		return protowire.VarintType
	}
}
