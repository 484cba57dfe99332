package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/kubernetes/scheme"
)

// judge sends a request, and for a workload the pod that it would make, and compares who refused.
func judge(cluster *cluster, row *request, score *score) {
	attributes, object, err := row.attributes()
	if err != nil {
		score.expect(false, "%s: %v", row.Name, err)
		return
	}
	compare(cluster, row, attributes, row.RefusedBy, score)
	if !row.workload {
		return
	}
	compare(cluster, row, podAttributes(object.(*appsv1.StatefulSet)), row.podRefusedBy(), score)
}

// podRefusedBy is who must refuse the pod that a refused workload would make.
func (r *request) podRefusedBy() []string {
	var policies []string
	for _, policy := range r.RefusedBy {
		if r.podRefused {
			policies = append(policies, strings.Replace(policy, "kars-workload-posture", "kars-pod-posture", 1))
		}
	}
	return policies
}

func compare(cluster *cluster, row *request, attributes admission.Attributes, refusedBy []string, score *score) {
	refused := cluster.refusals(row.Platform, attributes)
	names := slices.Sorted(maps.Keys(refused))
	expected := slices.Sorted(slices.Values(refusedBy))
	score.expect(slices.Equal(names, expected), "%s (%s): refused by %v, expected %v: %v",
		row.Name, attributes.GetKind().Kind, names, expected, refused)
	for policy, message := range refused {
		_, reason, _ := strings.Cut(message, "denied request: ")
		cluster.said[policy+": "+reason] = true
		score.expect(!strings.Contains(message, "resulted in error") && !strings.Contains(message, "failed to configure"),
			"%s: %s breaks instead of deciding: %s", row.Name, policy, message)
	}
}

// attributes is the request as admission plug-ins see it. Kinds of the API decode strictly, others as they are.
func (r *request) attributes() (admission.Attributes, runtime.Object, error) {
	var object, old runtime.Object
	var accessor metav1.Object = &metav1.ObjectMeta{}
	kind := schema.GroupVersionKind{}
	if string(r.object) != "null" {
		var err error
		if object, err = decode(r.object); err != nil {
			return nil, nil, err
		}
		kind = object.GetObjectKind().GroupVersionKind()
		if found, err := meta.Accessor(object); err == nil {
			accessor = found
		}
	}
	if r.old != nil {
		var err error
		if old, err = decode(r.old); err != nil {
			return nil, nil, err
		}
	}
	resource, err := r.resource(kind)
	if err != nil {
		return nil, nil, err
	}
	namespace, name := first(r.Namespace, accessor.GetNamespace()), first(r.ObjectName, accessor.GetName())
	if resource.Resource == "namespaces" {
		namespace = name
	}
	if r.Operation == "DELETE" {
		object, old = nil, object
	}
	who := &user.DefaultInfo{Name: r.User, Groups: append(r.Groups, user.AllAuthenticated)}
	return admission.NewAttributesRecord(object, old, kind, namespace, name, resource, r.Subresource,
		admission.Operation(r.Operation), nil, false, who), object, nil
}

func (r *request) resource(kind schema.GroupVersionKind) (schema.GroupVersionResource, error) {
	if r.Resource != "" {
		resource, _ := schema.ParseResourceArg(r.Resource)
		if resource == nil {
			return schema.GroupVersionResource{}, fmt.Errorf("`%s` is not `resource.version.group`", r.Resource)
		}
		return *resource, nil
	}
	if mapping, err := restMapper().RESTMapping(kind.GroupKind(), kind.Version); err == nil {
		return mapping.Resource, nil
	}
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	return plural, nil
}

// podAttributes is the pod that the StatefulSet controller creates.
func podAttributes(workload *appsv1.StatefulSet) admission.Attributes {
	pod := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: *workload.Spec.Template.ObjectMeta.DeepCopy(),
		Spec:       *workload.Spec.Template.Spec.DeepCopy(),
	}
	pod.Name, pod.Namespace = workload.Name+"-0", workload.Namespace
	for _, claim := range workload.Spec.VolumeClaimTemplates {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-" + pod.Name},
		}})
	}
	controller := &user.DefaultInfo{Name: "system:serviceaccount:kube-system:statefulset-controller"}
	return admission.NewAttributesRecord(pod, nil, pod.GroupVersionKind(), pod.Namespace, pod.Name,
		corev1.SchemeGroupVersion.WithResource("pods"), "", admission.Create, nil, false, controller)
}

var strict = serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()

func decode(text []byte) (runtime.Object, error) {
	object, _, err := strict.Decode(text, nil, nil)
	if runtime.IsNotRegisteredError(err) {
		unknown := &unstructured.Unstructured{}
		return unknown, unknown.UnmarshalJSON(text)
	}
	return object, err
}

func first(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

// everyRuleRefuses fails when the table has no row that a rule alone is the first to refuse: a rule that nothing breaks
// may as well be missing.
func everyRuleRefuses(policies []*admissionv1.ValidatingAdmissionPolicy, said map[string]bool, score *score) {
	for _, policy := range policies {
		for _, rule := range policy.Spec.Validations {
			score.expect(rule.MessageExpression != "" || said[policy.Name+": "+rule.Message],
				"no row is refused by %s with: %s", policy.Name, rule.Message)
		}
	}
}
