package main

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkLayouts goes through the bytes of a message for what the runtime passes over: a known field in a layout that its
// type cannot have, which it keeps as an unknown field and drops from an entry of a map; and an entry of a map that a
// later one with the same key replaces. The runtime has read these bytes, so that they are well formed.
func checkLayouts(described protoreflect.MessageDescriptor, encoded []byte) *refusal {
	fields := described.Fields()
	for len(encoded) > 0 {
		number, layout, tag := protowire.ConsumeTag(encoded)
		size := protowire.ConsumeFieldValue(number, layout, encoded[tag:])
		value := encoded[tag : tag+size]
		encoded = encoded[tag+size:]
		field := fields.ByNumber(number)
		if field == nil {
			continue
		}
		if !canHave(field, layout) {
			refusal := refuse("DEC-017", "the wire type is %d, where %d is due", layout, layoutOf(field.Kind()))
			return refusal.within(string(field.Name()))
		}
		if field.Message() == nil || layout != protowire.BytesType {
			continue
		}
		inner, _ := protowire.ConsumeBytes(value)
		if refusal := checkInner(field, inner); refusal != nil {
			return refusal.within(string(field.Name()))
		}
	}
	return nil
}

// checkInner checks the layouts in an embedded message, and all of an entry that holds one: in the message that the
// runtime made, only the last entry of a key is left.
func checkInner(field protoreflect.FieldDescriptor, encoded []byte) *refusal {
	if refusal := checkLayouts(field.Message(), encoded); refusal != nil {
		return refusal
	}
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
