package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// golden is a platform bundle that the compiler built, and the scenario bundles that it must admit or refuse.
type golden struct {
	policies   []*admissionv1.ValidatingAdmissionPolicy
	parameters *corev1.ConfigMap
	namespaces []runtime.Object
	admitted   []*request // What was built for production, by the identity that delivers it.
	refused    []*request // What was built for a dev environment.
}

// readGolden reads `platform/production` and, of every scenario that it lists a delivery identity for, the trees `aks`
// and `kind`.
func readGolden(root string) (*golden, error) {
	platform := filepath.Join(root, "platform/production")
	result := &golden{parameters: &corev1.ConfigMap{}}
	if err := readYAML(filepath.Join(platform, "10-parameters.yaml"), result.parameters); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(platform, "20-*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no policies in `%s`", platform)
	}
	for _, file := range files {
		policy := &admissionv1.ValidatingAdmissionPolicy{}
		if err := readYAML(file, policy); err != nil {
			return nil, err
		}
		result.policies = append(result.policies, policy)
	}
	for line := range strings.Lines(result.parameters.Data["delivery-identities"]) {
		prefix, identity, _ := strings.Cut(strings.TrimSpace(line), " ")
		scenario := strings.TrimSuffix(strings.TrimPrefix(prefix, "kars-"), "--")
		if result.admitted, err = result.read(root, scenario+"/aks", identity, result.admitted); err != nil {
			return nil, err
		}
		if result.refused, err = result.read(root, scenario+"/kind", identity, result.refused); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// read appends a request for every manifest of a tree, and learns its namespaces.
func (g *golden) read(root, tree, identity string, rows []*request) ([]*request, error) {
	files, err := filepath.Glob(filepath.Join(root, tree, "*", "*", "*.yaml"))
	mesh, _ := filepath.Glob(filepath.Join(root, tree, "mesh", "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no manifests in `%s/%s`", root, tree)
	}
	for _, file := range append(files, mesh...) {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		row := &request{Name: strings.TrimPrefix(file, root+"/"), Platform: "golden", User: identity}
		if row.object, err = yaml.YAMLToJSONStrict(text); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		row.defaults()
		row.workload = strings.Contains(string(row.object), `"kind":"StatefulSet"`)
		rows = append(rows, row)
		namespace := &corev1.Namespace{}
		if strings.HasSuffix(tree, "/aks") && yaml.Unmarshal(text, namespace) == nil && namespace.Kind == "Namespace" {
			g.namespaces = append(g.namespaces, namespace)
		}
	}
	return rows, nil
}

// judgeGolden holds the compiler to the policies that it ships, and those to the files that they come from.
func judgeGolden(cluster *cluster, golden *golden, policies []*admissionv1.ValidatingAdmissionPolicy, score *score) {
	shipped := map[string]admissionv1.ValidatingAdmissionPolicySpec{}
	for _, policy := range golden.policies {
		shipped[policy.Name] = policy.Spec
	}
	for _, policy := range policies {
		score.expect(reflect.DeepEqual(shipped[policy.Name], policy.Spec),
			"%s: the platform bundle ships something else than policies/admission", policy.Name)
	}
	for _, row := range golden.admitted {
		judge(cluster, row, score)
	}
	for _, row := range golden.refused {
		attributes, _, err := row.attributes()
		if err != nil {
			score.expect(false, "%s: %v", row.Name, err)
			continue
		}
		refused := cluster.refusals("golden", attributes)
		score.expect(refused["kars-no-dev-only"] != "", "%s: dev output is admitted in production", row.Name)
	}
}
