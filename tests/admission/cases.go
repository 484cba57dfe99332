package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"
)

// deliverer is who applies the scenario `brief` in every platform file.
const deliverer = "system:serviceaccount:flux-system:kars-delivery"

// request is one row: what somebody asks of the API server, and who must refuse it.
type request struct {
	Name        string   `json:"name"`
	RefusedBy   []string `json:"refusedBy"` // Exactly these policies; none: admitted.
	Platform    string   `json:"platform"`  // Of platforms/; default `prod`.
	Operation   string   `json:"operation"` // Default `CREATE`.
	User        string   `json:"user"`      // Default: the scenario's delivery identity.
	Groups      []string `json:"groups"`
	Resource    string   `json:"resource"` // `resource.version.group`; default: that of the object's kind.
	Subresource string   `json:"subresource"`
	Namespace   string   `json:"namespace"`  // Default: the object's.
	ObjectName  string   `json:"objectName"` // Default: the object's.
	File        string   `json:"file"`       // An object of ../posture to start from.
	Patch       any      `json:"patch"`      // Merged into the file's object; on UPDATE the file is the old object.
	Object      any      `json:"object"`     // Instead of a file.

	object, old []byte
	podRefused  bool // The pods of this workload must be refused too, or admitted as it is.
	workload    bool
}

// readCases reads the table of objects, shared with the compiler's own posture check, and the table of requests.
func readCases(posture, requests string) ([]*request, error) {
	var all []*request
	for _, folder := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join(posture, folder, "*.yaml"))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("no objects in `%s/%s`", posture, folder)
		}
		for _, file := range files {
			found, err := readPosture(file, folder == "bad")
			if err != nil {
				return nil, err
			}
			all = append(all, found)
		}
	}
	files, err := filepath.Glob(filepath.Join(requests, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no requests in `%s`", requests)
	}
	for _, file := range files {
		var rows []*request
		if err := readYAML(file, &rows); err != nil {
			return nil, err
		}
		for _, row := range rows {
			if err := row.complete(posture); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file, row.Name, err)
			}
		}
		all = append(all, rows...)
	}
	return all, nil
}

// readPosture reads one object; comment lines at its top say who must refuse it (`refused-by`), and under which `platform`.
func readPosture(file string, bad bool) (*request, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	facts := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# "), ": ")
		if !strings.HasPrefix(line, "#") || !found {
			break
		}
		facts[key] = value
	}
	result := &request{Name: filepath.Base(file), Platform: facts["platform"]}
	if policy := facts["refused-by"]; policy != "" {
		result.RefusedBy = []string{policy}
	}
	if bad != (len(result.RefusedBy) > 0) {
		return nil, fmt.Errorf("%s: `# refused-by:` belongs on the first line of bad objects, and only there", file)
	}
	if result.object, err = yaml.YAMLToJSONStrict(text); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	result.workload = bytes.Contains(result.object, []byte(`"kind":"StatefulSet"`))
	result.podRefused = bad && facts["pod"] != "admitted"
	result.defaults()
	return result, nil
}

func (r *request) defaults() {
	if r.Platform == "" {
		r.Platform = "prod"
	}
	if r.Operation == "" {
		r.Operation = "CREATE"
	}
	if r.User == "" {
		r.User = deliverer
	}
}

func (r *request) complete(posture string) error {
	r.defaults()
	if r.File == "" {
		text, err := yaml.Marshal(r.Object)
		if err != nil {
			return err
		}
		r.object, err = yaml.YAMLToJSON(text)
		return err
	}
	text, err := os.ReadFile(filepath.Join(posture, r.File))
	if err != nil {
		return err
	}
	if r.object, err = yaml.YAMLToJSONStrict(text); err != nil {
		return err
	}
	if r.Operation == "UPDATE" {
		r.old = r.object
	}
	if r.Patch == nil {
		return nil
	}
	change, err := yaml.Marshal(r.Patch)
	if err != nil {
		return err
	}
	if change, err = yaml.YAMLToJSON(change); err != nil {
		return err
	}
	r.object, err = jsonpatch.MergePatch(r.object, change)
	return err
}
