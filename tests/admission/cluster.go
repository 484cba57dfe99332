package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/meta/testrestmapper"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// cluster is the API server's admission plug-in over a fixed set of namespaces, parameters and policies, one plug-in per
// policy, so that a case says which policy refused it and not only which was asked first.
type cluster struct {
	platforms map[string]map[string]*validating.Plugin
	said      map[string]bool // Every `policy: reason` given so far.
}

func restMapper() meta.RESTMapper {
	return testrestmapper.TestOnlyStaticRESTMapper(scheme.Scheme)
}

// startCluster starts a plug-in for every policy and platform: those of `platforms/*.yaml`, and the golden one.
func startCluster(policies []*admissionv1.ValidatingAdmissionPolicy, golden *golden) (*cluster, error) {
	namespaces, err := readNamespaces("namespaces.yaml")
	if err != nil {
		return nil, err
	}
	parameters := map[string]*corev1.ConfigMap{"golden": golden.parameters}
	for _, platform := range []string{"prod", "dev", "external", "empty"} {
		parameters[platform] = &corev1.ConfigMap{}
		if err := readYAML("platforms/"+platform+".yaml", parameters[platform]); err != nil {
			return nil, err
		}
	}
	result := &cluster{platforms: map[string]map[string]*validating.Plugin{}, said: map[string]bool{}}
	for platform, configuration := range parameters {
		objects := slices.Concat([]runtime.Object{configuration}, namespaces, golden.namespaces)
		result.platforms[platform] = map[string]*validating.Plugin{}
		for _, policy := range policies {
			plugin, err := startPlugin(policy, objects)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", policy.Name, err)
			}
			result.platforms[platform][policy.Name] = plugin
		}
	}
	return result, nil
}

func startPlugin(policy *admissionv1.ValidatingAdmissionPolicy, objects []runtime.Object) (*validating.Plugin, error) {
	stored := withDefaults(policy)
	client := fake.NewClientset(append(slices.Clone(objects), stored, binding(stored))...)
	factory := informers.NewSharedInformerFactory(client, 0)
	plugin, err := validating.NewPlugin(nil)
	if err != nil {
		return nil, err
	}
	stop := make(chan struct{})
	initializer.New(client, dynamicfake.NewSimpleDynamicClient(scheme.Scheme), factory,
		authorizerfactory.NewAlwaysAllowAuthorizer(), nil, nil, stop, restMapper()).Initialize(plugin)
	if err := admission.ValidateInitialization(plugin); err != nil {
		return nil, err
	}
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	return plugin, waitUntilReady(plugin)
}

func waitUntilReady(plugin *validating.Plugin) error {
	for range 100 {
		if plugin.WaitForReady() {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("the plug-in did not become ready")
}

// withDefaults fills what the API server fills before it stores a policy.
func withDefaults(policy *admissionv1.ValidatingAdmissionPolicy) *admissionv1.ValidatingAdmissionPolicy {
	stored := policy.DeepCopy()
	match := stored.Spec.MatchConstraints
	if match.NamespaceSelector == nil {
		match.NamespaceSelector = &metav1.LabelSelector{}
	}
	if match.ObjectSelector == nil {
		match.ObjectSelector = &metav1.LabelSelector{}
	}
	return stored
}

// binding is what the platform bundle binds each policy with.
func binding(policy *admissionv1.ValidatingAdmissionPolicy) *admissionv1.ValidatingAdmissionPolicyBinding {
	deny := admissionv1.DenyAction
	result := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: policy.Name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        policy.Name,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	if policy.Spec.ParamKind != nil {
		result.Spec.ParamRef = &admissionv1.ParamRef{
			Name: "kars-admission", Namespace: "kars-platform", ParameterNotFoundAction: &deny,
		}
	}
	return result
}

// refusals asks every policy alone and returns the message of each that refuses.
func (c *cluster) refusals(platform string, attributes admission.Attributes) map[string]string {
	refused := map[string]string{}
	interfaces := admission.NewObjectInterfacesFromScheme(scheme.Scheme)
	for name, plugin := range c.platforms[platform] {
		if err := plugin.Validate(context.Background(), attributes, interfaces); err != nil {
			refused[name] = err.Error()
		}
	}
	return refused
}

func readNamespaces(file string) ([]runtime.Object, error) {
	var list corev1.NamespaceList
	if err := readYAML(file, &list); err != nil {
		return nil, err
	}
	var objects []runtime.Object
	for index := range list.Items {
		objects = append(objects, &list.Items[index])
	}
	return objects, nil
}

func readYAML(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
