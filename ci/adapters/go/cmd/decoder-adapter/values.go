package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// anyJSON are the JSON fields that may hold any value; every other one holds an object or null.
var anyJSON = map[protoreflect.FullName]bool{
	contractPackage + ".FieldChange.old_json":                           true,
	contractPackage + ".FieldChange.new_json":                           true,
	contractPackage + ".IaCRequirement.parameters_json":                 true,
	contractPackage + ".DiscoverRequirementsRequest.module_config_json": true,
}

// checkValues checks each enum and each JSON field in a message, at any depth. Entries of maps are left to
// checkEntry.
func checkValues(message protoreflect.Message) *refusal {
	for _, field := range checkedFields(message.Descriptor()) {
		if !message.Has(field) {
			continue
		}
		if refusal := checkField(field, message.Get(field)); refusal != nil {
			return refusal
		}
	}
	return nil
}

// checked has what checkedFields found for the descriptors of messages.
var checked sync.Map

// checkedFields are the fields of a message in which there is anything to check, but for maps.
func checkedFields(message protoreflect.MessageDescriptor) []protoreflect.FieldDescriptor {
	if found, ok := checked.Load(message); ok {
		return found.([]protoreflect.FieldDescriptor)
	}
	var found []protoreflect.FieldDescriptor
	fields := message.Fields()
	for i := range fields.Len() {
		if field := fields.Get(i); !field.IsMap() && isChecked(field) {
			found = append(found, field)
		}
	}
	checked.Store(message, found)
	return found
}

// isChecked tells whether there is anything to check in values of a field.
func isChecked(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil || field.Enum() != nil || isJSON(field)
}

// isJSON tells whether a field of the contract holds JSON: its name says so.
func isJSON(field protoreflect.FieldDescriptor) bool {
	return field.Kind() == protoreflect.BytesKind && strings.HasSuffix(string(field.Name()), "_json") &&
		field.ParentFile().Package() == contractPackage
}

func checkField(field protoreflect.FieldDescriptor, value protoreflect.Value) *refusal {
	name := string(field.Name())
	if !field.IsList() {
		return checkValue(field, value).within(name)
	}
	list := value.List()
	for i := range list.Len() {
		if refusal := checkValue(field, list.Get(i)); refusal != nil {
			return refusal.item(name, i)
		}
	}
	return nil
}

func checkValue(field protoreflect.FieldDescriptor, value protoreflect.Value) *refusal {
	switch {
	case field.Message() != nil:
		return checkValues(value.Message())
	case field.Enum() != nil:
		return checkEnum(field.Enum(), value.Enum())
	default:
		return checkJSON(value.Bytes(), anyJSON[field.FullName()])
	}
}

// checkEnum refuses a number that the revision does not have. Enums of proto2 may hold any.
func checkEnum(enum protoreflect.EnumDescriptor, number protoreflect.EnumNumber) *refusal {
	if enum.IsClosed() || enum.Values().ByNumber(number) != nil {
		return nil
	}
	rule := "DEC-016"
	if enum.FullName() == contractPackage+".ActionStatus" {
		rule = "DEC-003"
	}
	return refuse(rule, "%s has no %d", enum.Name(), number)
}

// checkJSON refuses what is no JSON, or none of the kind that is due. No bytes at all are the nil value.
func checkJSON(encoded []byte, takesAny bool) *refusal {
	if len(encoded) == 0 {
		return nil
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	if err := decoder.Decode(&value); err != nil {
		return refuse("DEC-013", "%v", err)
	}
	_, isObject := value.(map[string]any)
	if !takesAny && !isObject && value != nil {
		return refuse("DEC-014", "a JSON object is due")
	}
	if rest := bytes.TrimLeft(encoded[decoder.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return refuse("DEC-015", "more behind the JSON value, in bytes: %d", len(rest))
	}
	return nil
}
