"""A pod as a bundle describes it: containers, volumes, environment. Read from the rendered manifests, nothing typed again. Not here: running it."""

import json
import os
from pathlib import Path

import yaml


class Bundle:
    """The objects of one agent of a bundle, and its router's document."""

    def __init__(self, folder, agent):
        objects = [one for path in sorted((Path(folder) / "agents" / agent).glob("*.yaml")) for one in yaml.safe_load_all(path.read_text())]
        self.agent = agent
        self.config_maps = {one["metadata"]["name"]: one.get("data", {}) for one in objects if one["kind"] == "ConfigMap"}
        workload = next(one for one in objects if one["kind"] == "StatefulSet")
        self.namespace = workload["metadata"]["namespace"]
        self.pod = f"{workload['metadata']['name']}-0"
        self.spec = workload["spec"]["template"]["spec"]
        self.claims = [one["metadata"]["name"] for one in workload["spec"].get("volumeClaimTemplates", [])]
        self.document = json.loads((Path(folder) / f"documents/{agent}.router.json").read_text())

    def container(self, name):
        """A container or an init container."""
        return next(one for one in self.spec.get("initContainers", []) + self.spec["containers"] if one["name"] == name)

    def environment(self, name):
        """What the kubelet would set: literal values, and fields of the pod."""
        fields = {"metadata.namespace": self.namespace, "metadata.name": self.pod}
        return {one["name"]: one["value"] if "value" in one else fields[one["valueFrom"]["fieldRef"]["fieldPath"]] for one in self.container(name).get("env", [])}

    def users(self, name):
        """User, group and the group of the volumes."""
        pod, own = self.spec["securityContext"], self.container(name)["securityContext"]
        return own["runAsUser"], own.get("runAsGroup", pod["runAsGroup"]), pod["fsGroup"]

    def files(self, name):
        """The files that config maps put into a container, by their paths."""
        volumes = {one["name"]: one["configMap"] for one in self.spec["volumes"] if "configMap" in one}
        found = {}
        for mount in self.container(name).get("volumeMounts", []):
            if mount["name"] in volumes:
                data = self.config_map(volumes[mount["name"]])
                path = mount["mountPath"]
                found |= {path: data[mount["subPath"]]} if "subPath" in mount else {f"{path}/{key}": text for key, text in data.items()}
        return found

    def config_map(self, volume):
        """The files of a volume that a config map fills."""
        data = self.config_maps[volume["name"]]
        return {one["path"]: data[one["key"]] for one in volume["items"]} if "items" in volume else data

    def write_volumes(self, folder, secrets):
        """Lays out every volume under the folder as the kubelet would; `secrets` holds the text of each `secret/key`."""
        group = self.spec["securityContext"]["fsGroup"]
        for volume in self.spec["volumes"] + [{"name": name, "claim": {}} for name in self.claims]:
            place = folder / volume["name"]
            place.mkdir(parents=True)
            if "configMap" in volume:
                put(place, self.config_map(volume["configMap"]), volume["configMap"].get("defaultMode", 0o644), group)
            elif "projected" in volume:
                for source in volume["projected"]["sources"]:
                    found = {one["path"]: secrets[f"{source['secret']['name']}/{one['key']}"] for one in source["secret"]["items"]}
                    put(place, found, volume["projected"]["defaultMode"], group)
            else:
                # An empty folder or a claim belongs to the group, and so does what is made in it.
                own(place, 0o2777, group)


def put(folder, files, mode, group):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        own(path, mode, group)


def own(path, mode, group):
    os.chown(path, 0, group)
    path.chmod(mode)
