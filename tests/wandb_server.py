"""A W&B server on 127.0.0.1 for tests: what the real client, its agents and its API ask of it, and no more.

GraphQL lets a client say which fields it wants. This server answers with all that it has, since the client ignores the
others: so no query has to be parsed, only its variables are read.
"""

import base64
import itertools
import json
import re
from contextlib import suppress
from urllib.parse import unquote, urlsplit

import yaml

from tests.failing_server import NEVER, FailingServer
from tests.wandb_artifacts import TIME, Artifacts, edges

ENTITY = "team"
KEY = "0123456789" * 4  # any of 40 characters is let in
USER = {
    "__typename": "User", "id": "user", "name": ENTITY, "username": ENTITY, "email": "", "admin": False, "entity": ENTITY,
    "flags": "{}", "deletedAt": None, "teams": {"edges": []}, "apiKeys": {"edges": []}, "defaultEntity": {"id": "entity", "name": ENTITY},
}  # fmt: skip


class WandbServer(Artifacts, FailingServer):
    """`with WandbServer() as server:` listens on a free port.

    Tests read `runs` by (entity, project, id), `artifacts` by name, `reports` by id, `stored` bytes by path, and the names
    of the GraphQL operations in `asked`. refused, ignored: mutations that are forbidden, or
    never answered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.runs: dict[tuple[str, str, str], dict] = {}
        self.sweeps: dict[str, dict] = {}
        self.agents: dict[str, dict] = {}
        self.artifacts: dict[str, dict] = {}
        self.reports: dict[str, dict] = {}
        self.stored: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.refused: set[str] = set()
        self.ignored: set[str] = set()

    def environment(self) -> dict[str, str]:
        """Variables that send a client here, logged in."""
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": KEY, "WANDB_ERROR_REPORTING": "false"}

    # Runs

    def run(self, entity: str | None, project: str | None, name: str) -> dict:
        """The run of that id, made if there is none."""
        key = (entity or ENTITY, project or "uncategorized", name)
        return self.runs.setdefault(
            key,
            {
                "entity": key[0], "project": key[1], "name": name, "displayName": name, "state": "pending", "config": {},
                "summary": {}, "history": [], "tags": [], "group": None, "jobType": None, "sweep": None, "files": [],
                "preempting": False,
            },
        )  # fmt: skip

    def store(self, run: dict, name: str, content: bytes) -> None:
        """Keep a file of a run, as an upload does."""
        self.stored[f"/storage/{run['entity']}/{run['project']}/{run['name']}/{name}"] = content
        run["files"] = sorted({*run["files"], name})

    def stream(self, run: dict, sent: dict) -> dict:
        """Take what a client says of its run every few seconds."""
        files = sent.get("files") or {}
        if summary := files.get("wandb-summary.json"):
            run["summary"] = json.loads(summary["content"][-1])
        if history := files.get("wandb-history.jsonl"):
            run["history"][history["offset"] :] = map(json.loads, history["content"])
        run["preempting"] |= bool(sent.get("preempting"))
        if sent.get("complete"):
            ended = "preempted" if run["preempting"] else "failed"
            run["state"] = ended if sent.get("exitcode") else "finished"
            if run["state"] == "preempted" and run["sweep"]:
                self.sweeps[run["sweep"]]["queue"].append(run)
        else:
            run["state"] = "running"
        return {"exitcode": None, "limits": {}}

    # Answers to queries

    def query(self, asked: dict) -> dict:
        """Everything that a query with these variables can be after."""
        entity = asked.get("entity") or asked.get("entityName") or ENTITY
        project = asked.get("project") or asked.get("projectName") or asked.get("name")
        found = self.project(entity, project, asked)
        projects = sorted(
            {(owner, name) for owner, name, _ in self.runs} | {r["at"] for r in self.reports.values()}
        )
        return {
            "viewer": USER,
            "serverInfo": {"features": [], "cliVersionInfo": {"max_cli_version": "99.0.0"}},
            "project": found,
            "model": found,
            "artifact": self.files_of(asked.get("id") or asked.get("artifact_id")),
            "models": edges([self.project(*place, {}) for place in projects if place[0] == entity]),
        }

    def project(self, entity: str, project: str | None, asked: dict) -> dict:
        held = [run for place, run in self.runs.items() if place[:2] == (entity, project)]
        name = asked.get("runName") or asked.get("run") or asked.get("name")
        (run,) = [self.run_view(run, asked) for run in held if run["name"] == name] or [None]
        sweep = self.sweeps.get(asked.get("sweep") or asked.get("name"))
        if sweep_filter := json.loads(asked.get("filters") or "{}").get("sweep"):
            held = [run for run in held if run["sweep"] == sweep_filter]
        listed = edges([self.run_view(run, asked) for run in held])
        views = [
            report | {"user": None} for report in self.reports.values() if report["at"] == (entity, project)
        ]
        return {
            "__typename": "Project", "id": f"{entity}/{project}", "internalId": "1", "name": project, "entityName": entity,
            "entity": {"id": entity, "name": entity}, "createdAt": TIME, "isBenchmark": False, "readOnly": False, "user": USER,
            "artifact": None, "artifactType": None, **self.artifact_of(entity, project, asked.get("name")),
            "artifactCollection": self.collection(asked.get("collection")), "run": run, "bucket": run, "runs": listed, "runCount": len(held), "allViews": edges(views),
            "sweep": sweep and self.sweep_view(sweep) | {"runs": listed},
        }  # fmt: skip

    def run_view(self, run: dict, asked: dict) -> dict:
        names = [name for name in run["files"] if name in (asked.get("fileNames") or run["files"])]
        place = f"{self.url}/storage/{run['entity']}/{run['project']}/{run['name']}"
        files = [
            {
                "id": name, "name": name, "url": f"{place}/{name}", "directUrl": f"{place}/{name}", "mimetype": "", "md5": "",
                "sizeBytes": len(self.stored.get(urlsplit(f"{place}/{name}").path, b"")), "updatedAt": TIME,
            }
            for name in names
        ]  # fmt: skip
        rows = run["history"]
        pages = [
            row for row in rows if asked.get("minStep", 0) <= row["_step"] < asked.get("maxStep", 1 << 60)
        ]
        return {
            "__typename": "Run", "id": f"{run['entity']}/{run['project']}/{run['name']}", "name": run["name"],
            "displayName": run["displayName"], "sweepName": run["sweep"], "state": run["state"], "group": run["group"],
            "jobType": run["jobType"], "tags": run["tags"], "projectId": 1, "user": USER, "commit": None, "readOnly": False,
            "createdAt": TIME, "heartbeatAt": TIME, "description": None, "notes": None, "shouldStop": False,
            "config": json.dumps(run["config"]), "summaryMetrics": json.dumps(run["summary"]), "systemMetrics": "{}",
            "historyLineCount": len(rows), "logLineCount": 0, "eventsLineCount": 0, "eventsTail": "[]",
            "historyTail": json.dumps([json.dumps(row) for row in rows[-1:]]), "sampledHistory": [],
            "wandbConfig": json.dumps({"t": 1} if run["config"] else {}),  # by it a client knows that a run has begun
            "historyKeys": {"lastStep": rows[-1]["_step"] if rows else -1, "keys": {}},
            "history": [json.dumps(row) for row in pages], "parquetHistory": {"parquetUrls": [], "liveData": rows},
            "files": edges(files), "fileCount": len(files), "exitcode": None, "failed": False, "stopped": False,
            "running": run["state"] == "running",
        }  # fmt: skip

    def sweep_view(self, sweep: dict) -> dict:
        config = yaml.safe_load(sweep["config"])
        return {
            "__typename": "Sweep", "id": sweep["name"], "name": sweep["name"], "displayName": config.get("name"),
            "method": config["method"], "state": "RUNNING", "description": config.get("description"), "bestLoss": None,
            "config": sweep["config"], "createdAt": TIME, "updatedAt": TIME, "heartbeatAt": TIME, "controller": None,
            "scheduler": None, "earlyStopJobRunning": False, "runCount": 0, "runCountExpected": None,
            "project": {"id": "1", "name": sweep["project"], "entity": {"id": "1", "name": sweep["entity"]}},
        }  # fmt: skip

    # Mutations, named as GraphQL names them; each gets the variables

    def upsertBucket(self, sent: dict) -> dict:
        name = sent.get("name") or unquote(sent["id"]).rpartition("/")[2]
        new = (sent.get("entity") or ENTITY, sent.get("project"), name) not in self.runs
        run = self.run(sent.get("entity"), sent.get("project"), name)
        for theirs, ours in (("displayName", "displayName"), ("groupName", "group"), ("jobType", "jobType")):
            run[ours] = sent.get(theirs) or run[ours]
        run["tags"] = sent.get("tags") or run["tags"]
        run["config"] |= json.loads(sent.get("config") or "{}")
        if sent.get("sweep"):
            run["sweep"] = sent["sweep"]
        run["preempting"] &= run["state"] == "running"  # else it begins anew
        run["state"] = "running"
        project = {"id": "1", "name": run["project"], "entity": {"id": "1", "name": run["entity"]}}
        return {"bucket": self.run_view(run, {}) | {"project": project}, "inserted": new}

    def createRunFiles(self, sent: dict) -> dict:
        place = f"{self.url}/storage/{sent['entity']}/{sent['project']}/{sent['run']}"
        files = [{"name": name, "uploadUrl": f"{place}/{name}"} for name in sent["files"]]
        return {"runID": sent["run"], "uploadHeaders": [], "files": files}

    def markRunFilesUploaded(self, sent: dict) -> dict:
        return {"success": True}

    def upsertSweep(self, sent: dict) -> dict:
        config = yaml.safe_load(sent["config"])
        values = [spec.get("values") or [spec["value"]] for spec in config["parameters"].values()]
        name = f"sweep{len(self.sweeps)}"
        self.sweeps[name] = {
            "name": name,
            "entity": sent.get("entityName") or ENTITY,
            "project": sent.get("projectName") or "uncategorized",
            "config": sent["config"],
            "program": config["program"],
            "cells": (
                dict(zip(config["parameters"], cell, strict=True)) for cell in itertools.product(*values)
            ),
            "queue": [],  # runs that were preempted, for the next free agent
        }
        return {"sweep": self.sweep_view(self.sweeps[name]), "configValidationWarnings": []}

    def createAgent(self, sent: dict) -> dict:
        agent = f"agent{len(self.agents)}"
        self.agents[agent] = self.sweeps[sent["sweep"]]
        return {"agent": {"id": agent}}

    def agentHeartbeat(self, sent: dict) -> dict:
        """Give an agent that is free a run to do, or send it home."""
        sweep, commands = self.agents[sent["id"]], []
        if not json.loads(sent["runState"]):
            command = {"type": "exit"}
            if sweep["queue"]:
                command = sweep["queue"].pop(0)["command"] | {"type": "resume"}
            elif (cell := next(sweep["cells"], None)) is not None:
                run = self.run(sweep["entity"], sweep["project"], f"{sweep['name']}-{len(self.runs)}")
                arguments = {name: {"value": value} for name, value in cell.items()}
                command = {
                    "type": "run",
                    "run_id": run["name"],
                    "program": sweep["program"],
                    "args": arguments,
                }
                run |= {"sweep": sweep["name"], "command": command}
            commands = [command]
        return {"agent": {"id": sent["id"]}, "commands": json.dumps(commands)}

    def upsertView(self, sent: dict) -> dict:
        report = sent["id"] or base64.b64encode(f"View:{len(self.reports)}".encode()).decode()
        place = (sent["entityName"], sent["projectName"])
        project = {"id": "1", "name": place[1], "entityName": place[0]}
        times = {"createdAt": TIME, "updatedAt": TIME}
        self.reports[report] = sent | times | {"id": report, "at": place, "project": project}
        return {"view": self.reports[report], "inserted": not sent["id"]}

    def upsertModel(self, sent: dict) -> dict:
        project = self.project(sent.get("entityName") or ENTITY, sent.get("name"), {})
        return {"project": project, "model": project, "inserted": True}

    # HTTP

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        if path.startswith("/storage/"):
            if method == "GET":
                return (200, self.stored[path]) if path in self.stored else (404, {})
            self.stored[path] = body
            with suppress(ValueError):  # a file of an artifact
                entity, project, run, name = path.removeprefix("/storage/").split("/", 3)
                self.store(self.run(entity, project, run), name, body)
            return 200, b""
        if stream := re.fullmatch(r"/files/([^/]+)/([^/]+)/([^/]+)/file_stream", path):
            return 200, self.stream(self.run(*stream.groups()), json.loads(body))
        if path != "/graphql":
            return 404, {}
        sent = json.loads(body)
        kind, operation = re.search(r"\b(query|mutation)\s+(\w+)", sent["query"]).groups()
        self.asked.append(operation)
        if kind == "query":
            return 200, {"data": self.query(sent.get("variables") or {})}
        field = re.search(r"\b(\w+)\s*\(\s*input\s*:", sent["query"]).group(1)
        if field in self.ignored:
            return NEVER, None
        if field in self.refused:
            return 403, {"errors": [{"message": "permission denied"}]}
        if not hasattr(self, field):
            return 200, {"errors": [{"message": f"this server has no {field}"}]}
        return 200, {"data": {field: getattr(self, field)(sent.get("variables") or {})}}
