package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/cel/openapi/resolver"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// checkTypes type-checks every expression for every kind its policy names, as the API server does for `status.typeChecking`,
// and further: the server forgets the type of a variable that is an object, so variables are put in their places first.
// A policy on all kinds has no type to check against; its expressions are compiled when the cluster starts.
func checkTypes(policies []*admissionv1.ValidatingAdmissionPolicy, file string, score *score) error {
	schemas, err := readSchemas(file)
	if err != nil {
		return err
	}
	checker := &validating.TypeChecker{SchemaResolver: schemas, RestMapper: restMapper()}
	for _, policy := range policies {
		context := checker.CreateContext(policy)
		for side := range 2 {
			for place, expression := range expressions(policy, side) {
				found := checker.CheckExpression(context, expression)
				score.expect(len(found) == 0, "%s %s: %s", policy.Name, place, found)
			}
		}
	}
	return nil
}

var variable = regexp.MustCompile(`\bvariables\.\w+`)

// expressions lists a policy's expressions by place, with its variables put in. Two lists of one Kubernetes type at two
// paths are two types for the checker, so where a variable joins two lists, `side` says which of them stands for both.
func expressions(policy *admissionv1.ValidatingAdmissionPolicy, side int) map[string]string {
	all := map[string]string{}
	values := map[string]string{}
	inline := func(expression string) string {
		return variable.ReplaceAllStringFunc(expression, func(use string) string {
			return values[use]
		})
	}
	for _, condition := range policy.Spec.MatchConditions {
		all["matchConditions "+condition.Name] = condition.Expression
	}
	for _, variable := range policy.Spec.Variables {
		expression := variable.Expression
		if lists := strings.Split(expression, " + "); len(lists) == 2 {
			expression = lists[side]
		}
		values["variables."+variable.Name] = "(" + inline(expression) + ")"
		all["variables "+variable.Name] = inline(expression)
	}
	for index, rule := range policy.Spec.Validations {
		all[fmt.Sprintf("validations %d", index)] = inline(rule.Expression)
		if rule.MessageExpression != "" {
			all[fmt.Sprintf("validations %d message", index)] = inline(rule.MessageExpression)
		}
	}
	return all
}

// swagger resolves kinds in the OpenAPI document of a Kubernetes release.
type swagger struct {
	definitions map[string]spec.Schema
	names       map[schema.GroupVersionKind]string
}

func readSchemas(file string) (*swagger, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("no schemas: %w; tests/admission/run.sh fetches them", err)
	}
	var document struct {
		Definitions map[string]spec.Schema `json:"definitions"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	result := &swagger{definitions: document.Definitions, names: map[schema.GroupVersionKind]string{}}
	for name, definition := range document.Definitions {
		kinds, _ := definition.Extensions["x-kubernetes-group-version-kind"].([]any)
		for _, kind := range kinds {
			fields := kind.(map[string]any)
			result.names[schema.GroupVersionKind{
				Group: fields["group"].(string), Version: fields["version"].(string), Kind: fields["kind"].(string),
			}] = name
		}
	}
	return result, nil
}

// ResolveSchema implements resolver.SchemaResolver.
func (s *swagger) ResolveSchema(kind schema.GroupVersionKind) (*spec.Schema, error) {
	name, known := s.names[kind]
	if !known {
		return nil, fmt.Errorf("%s: %w", kind, resolver.ErrSchemaNotFound)
	}
	return resolver.PopulateRefs(func(reference string) (*spec.Schema, bool) {
		found, known := s.definitions[strings.TrimPrefix(reference, "#/definitions/")]
		return &found, known
	}, "#/definitions/"+name)
}
