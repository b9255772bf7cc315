package vectors

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// Write writes a Frames or Messages as the files are kept: each vector's members on lines of their own,
// so that a difference shows what has changed.
func Write(path string, v any) error {
	raw, err := compact(v)
	if err != nil {
		return err
	}
	members, err := split(raw)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	out.WriteString("{")
	for i, m := range members {
		comma(&out, i)
		fmt.Fprintf(&out, "\n%q: ", m.name)
		if m.value[0] != '[' {
			out.Write(m.value)
			continue
		}
		var all []json.RawMessage
		if err := json.Unmarshal(m.value, &all); err != nil {
			return err
		}
		out.WriteString("[")
		for j, one := range all {
			comma(&out, j)
			if err := writeVector(&out, one); err != nil {
				return err
			}
		}
		out.WriteString("\n]")
	}
	out.WriteString("\n}\n")
	return os.WriteFile(path, out.Bytes(), 0o644)
}

func writeVector(out *bytes.Buffer, raw json.RawMessage) error {
	members, err := split(raw)
	if err != nil {
		return err
	}
	out.WriteString("\n  {")
	for i, m := range members {
		comma(out, i)
		if i > 0 {
			out.WriteString("\n   ")
		}
		fmt.Fprintf(out, "%q: %s", m.name, m.value)
	}
	out.WriteString("}")
	return nil
}

func comma(out *bytes.Buffer, i int) {
	if i > 0 {
		out.WriteString(",")
	}
}

type member struct {
	name  string
	value json.RawMessage
}

// split lists an object's members in their order.
func split(raw json.RawMessage) (all []member, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: key.(string)}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

func compact(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

// Compact removes the spaces between the parts of a JSON text.
func Compact(raw json.RawMessage) (json.RawMessage, error) { return compact(raw) }
