package contract

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Message is a message as plain values, by the names of its fields. Lists are []any, maps are map[string]any, and what
// is not set is not there.
type Message map[string]any

// Get looks up a field of a message, or of one within it. What is not set, or is of another type, reads as zero.
func Get[T any](message Message, path ...string) T {
	for _, name := range path[:len(path)-1] {
		message, _ = message[name].(Message)
	}
	value, _ := message[path[len(path)-1]].(T)
	return value
}

// fill writes plain values into a message.
func fill(into protoreflect.Message, from Message) error {
	for name, value := range from {
		field := into.Descriptor().Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return fmt.Errorf("%s has no field %q", into.Descriptor().FullName(), name)
		}
		switch value := value.(type) {
		case Message:
			if err := fill(into.Mutable(field).Message(), value); err != nil {
				return err
			}
		case []any:
			list := into.Mutable(field).List()
			for _, element := range value {
				message, ok := element.(Message)
				if !ok {
					list.Append(protoreflect.ValueOf(element))
				} else if err := fill(list.AppendMutable().Message(), message); err != nil {
					return err
				}
			}
		case map[string]any:
			entries := into.Mutable(field).Map()
			for key, value := range value {
				entries.Set(protoreflect.ValueOf(key).MapKey(), protoreflect.ValueOf(value))
			}
		default:
			into.Set(field, protoreflect.ValueOf(value))
		}
	}
	return nil
}

// read reads a message into plain values.
func read(from protoreflect.Message) Message {
	message := Message{}
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		message[string(field.Name())] = plain(value)
		return true
	})
	return message
}

func plain(value protoreflect.Value) any {
	switch value := value.Interface().(type) {
	case protoreflect.Message:
		return read(value)
	case protoreflect.List:
		list := make([]any, value.Len())
		for at := range list {
			list[at] = plain(value.Get(at))
		}
		return list
	case protoreflect.Map:
		entries := map[string]any{}
		value.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
			entries[key.String()] = plain(value)
			return true
		})
		return entries
	default:
		return value
	}
}
