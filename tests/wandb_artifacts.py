"""Artifacts on the loopback W&B server: taken in, and given out again, the newest version of each."""

TIME = "2026-01-02T03:04:05Z"
LAST_PAGE = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}


def edges(nodes: list[dict]) -> dict:
    """A page of GraphQL that holds everything."""
    page = [{"node": node, "cursor": str(number)} for number, node in enumerate(nodes)]
    return {"edges": page, "pageInfo": LAST_PAGE, "totalCount": len(page)}


class Artifacts:
    """Mutations, named as GraphQL names them, each of which gets the variables, and answers to queries.

    Tests read `artifacts` by name: what was sent of each, `version`s counted from 0, and whether it is `committed`.
    """

    url: str
    artifacts: dict[str, dict]
    stored: dict[str, bytes]

    def createArtifact(self, sent: dict) -> dict:
        sent = sent["input"]
        name = sent["artifactCollectionName"]
        version = self.artifacts.get(name, {}).get("version", -1) + 1
        self.artifacts[name] = sent | {"version": version}
        collection = {"__typename": "ArtifactSequence", "id": name, "name": name, "latestArtifact": None}
        return {
            "artifact": {
                "id": name,
                "state": "PENDING",
                "digest": sent["digest"],
                "artifactSequence": collection,
            }
        }

    def createArtifactManifest(self, sent: dict) -> dict:
        file = {
            "id": "1",
            "uploadUrl": f"{self.url}/storage/{sent['artifactID']}/manifest",
            "uploadHeaders": [],
        }
        return {"artifactManifest": {"id": sent["artifactID"], "file": file}}

    def updateArtifactManifest(self, sent: dict) -> dict:
        return self.createArtifactManifest({"artifactID": sent["artifactManifestID"]})

    def createArtifactFiles(self, sent: dict) -> dict:
        files = []
        for file in sent["input"]["artifactFiles"]:
            path = f"{file['artifactID']}/{file['name']}"
            files.append({
                "storagePath": path, "uploadUrl": f"{self.url}/storage/{path}", "uploadHeaders": [],
                "uploadMultipartUrls": None, "artifact": {"id": file["artifactID"]},
            })  # fmt: skip
        return {"files": edges(files)}

    def commitArtifact(self, sent: dict) -> dict:
        artifact = self.artifacts[sent["artifactID"]]
        artifact["committed"] = True
        return {"artifact": {"id": sent["artifactID"], "digest": artifact["digest"]}}

    def artifact_of(self, entity: str, project: str | None, name: str | None) -> dict:
        """A project's artifact `name:alias`, as far as the alias is the newest version's."""
        name, _, alias = (name or "").partition(":")
        sent = self.artifacts.get(name, {})
        if not sent.get("committed") or alias not in ("latest", f"v{sent['version']}"):
            return {"artifactCollectionMembership": None}
        place = {"id": "1", "internalId": "1", "name": project, "entity": {"name": entity}}
        collection = {"__typename": "ArtifactSequence", "name": name, "project": place}
        aliases = [
            {"__typename": "ArtifactAlias", "id": alias, "alias": alias, "artifactCollection": collection}
            for alias in ("latest", f"v{sent['version']}")
        ]
        artifact = {
            "__typename": "Artifact", "id": name, "artifactSequence": collection, "versionIndex": sent["version"],
            "artifactType": {"name": sent["artifactTypeName"]}, "description": None, "metadata": None,
            "ttlDurationSeconds": 0, "ttlIsInherited": False, "tags": [], "historyStep": None, "state": "COMMITTED",
            "size": 1, "digest": sent["digest"], "commitHash": None, "fileCount": 1, "createdAt": TIME, "updatedAt": TIME,
            "aliases": aliases,
        }  # fmt: skip
        membership = {
            "__typename": "ArtifactCollectionMembership", "id": "1", "versionIndex": sent["version"], "createdAt": TIME,
            "aliases": aliases, "artifactCollection": collection, "artifact": artifact,
        }  # fmt: skip
        return {"artifactCollectionMembership": membership}

    def collection(self, name: str | None) -> dict | None:
        """The files of a collection's newest version, whichever alias is asked for."""
        if found := self.files_of(name):
            return {"__typename": "ArtifactSequence", "artifactMembership": {"files": found["files"]}}
        return None

    def files_of(self, name: str | None) -> dict | None:
        """The addresses of an artifact's manifest and files."""
        if name not in self.artifacts:
            return None
        place = f"/storage/{name}"
        names = [path.removeprefix(f"{place}/") for path in self.stored if path.startswith(f"{place}/")]
        files = [
            {"__typename": "File", "name": one, "directUrl": f"{self.url}{place}/{one}"}
            for one in names
            if one != "manifest"
        ]
        manifest = {"file": {"directUrl": f"{self.url}{place}/manifest"}}
        return {
            "id": name,
            "currentManifest": manifest,
            "files": edges(files),
            "filesByManifestEntries": edges(files),
        }
