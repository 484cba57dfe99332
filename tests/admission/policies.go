package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"
)

// readPolicies reads one policy per file; an unknown field is an error.
func readPolicies(folder string) ([]*admissionv1.ValidatingAdmissionPolicy, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no policies in `%s`", folder)
	}
	var policies []*admissionv1.ValidatingAdmissionPolicy
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		policy := &admissionv1.ValidatingAdmissionPolicy{}
		if err := yaml.UnmarshalStrict(text, policy); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if policy.Name+".yaml" != filepath.Base(file) {
			return nil, fmt.Errorf("%s holds the policy `%s`", file, policy.Name)
		}
		policies = append(policies, policy)
	}
	return policies, nil
}

// checkForm holds what every policy of ours has in common, and that the two posture policies ask the same of a pod.
func checkForm(policies []*admissionv1.ValidatingAdmissionPolicy, score *score) {
	byName := map[string]*admissionv1.ValidatingAdmissionPolicy{}
	for _, policy := range policies {
		byName[policy.Name] = policy
		failure := policy.Spec.FailurePolicy
		score.expect(failure != nil && *failure == admissionv1.Fail, "%s: `failurePolicy` is not `Fail`", policy.Name)
		for _, rule := range policy.Spec.Validations {
			score.expect(rule.Message != "" && !strings.ContainsAny(rule.Message, "\n\r"),
				"%s: a rule has no message of one line: %s", policy.Name, rule.Expression)
		}
	}
	pod, workload := byName["kars-pod-posture"], byName["kars-workload-posture"]
	if pod == nil || workload == nil {
		score.expect(false, "a posture policy is missing")
		return
	}
	rules := workload.Spec.Validations
	common := min(len(pod.Spec.Validations), len(rules))
	score.expect(len(rules) >= len(pod.Spec.Validations) && reflect.DeepEqual(rules[:common], pod.Spec.Validations),
		"kars-workload-posture does not repeat the rules of kars-pod-posture, in their order")
	score.expect(reflect.DeepEqual(workload.Spec.Variables[1:], pod.Spec.Variables[1:]),
		"kars-workload-posture does not repeat the variables of kars-pod-posture after `pod`")
}
