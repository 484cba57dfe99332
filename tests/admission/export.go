package main

import (
	"encoding/json"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apiserver/pkg/admission"
)

// sent is a row as a client would send it: the path's parts, who asks, and the body.
type sent struct {
	Name        string          `json:"name"`
	RefusedBy   []string        `json:"refusedBy"` // Exactly these policies, or at least, when `others` is set.
	Others      bool            `json:"others"`
	Platform    string          `json:"platform"`
	Operation   string          `json:"operation"`
	User        string          `json:"user"`
	Groups      []string        `json:"groups"`
	Version     string          `json:"version"` // `apps/v1`
	Resource    string          `json:"resource"`
	Subresource string          `json:"subresource"`
	Namespace   string          `json:"namespace"`
	ObjectName  string          `json:"objectName"`
	FromFile    bool            `json:"fromFile"` // On UPDATE and DELETE: `object` is what exists before.
	Object      json.RawMessage `json:"object"`
	Patch       any             `json:"patch"` // On UPDATE: what changes, as a merge patch.
}

// export writes every request of the table, so that a real server can be asked the same.
func export(file string, cases []*request, golden *golden) error {
	var all []sent
	for _, row := range append(cases, golden.admitted...) {
		found, err := row.sent()
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	for _, row := range golden.refused {
		row.RefusedBy, row.workload = []string{"kars-no-dev-only"}, false
		found, err := row.sent()
		if err != nil {
			return err
		}
		found[0].Others = true
		all = append(all, found...)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// sent is the row, and for a workload the pod that it makes.
func (r *request) sent() ([]sent, error) {
	attributes, object, err := r.attributes()
	if err != nil {
		return nil, err
	}
	first := r.row(attributes)
	first.RefusedBy, first.Object, first.FromFile = r.RefusedBy, r.object, r.File != ""
	if r.Operation == "UPDATE" {
		first.Patch = r.Patch
		if r.old != nil {
			first.Object = r.old
		}
	}
	if !r.workload {
		return []sent{first}, nil
	}
	pod := podAttributes(object.(*appsv1.StatefulSet))
	second := r.row(pod)
	second.Name, second.FromFile = r.Name+" (pod)", false
	second.RefusedBy = r.podRefusedBy()
	second.Object, err = json.Marshal(pod.GetObject())
	return []sent{first, second}, err
}

func (r *request) row(attributes admission.Attributes) sent {
	resource := attributes.GetResource()
	return sent{
		Name: r.Name, Platform: r.Platform, Operation: string(attributes.GetOperation()),
		User: attributes.GetUserInfo().GetName(), Groups: r.Groups,
		Version: strings.TrimPrefix(resource.Group+"/"+resource.Version, "/"), Resource: resource.Resource,
		Subresource: attributes.GetSubresource(), Namespace: attributes.GetNamespace(), ObjectName: attributes.GetName(),
	}
}
