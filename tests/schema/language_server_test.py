"""Opens good and bad definitions in a real YAML language server with the schema that
`stevedore-cli schema` prints, and looks at what an editor would underline.

Arguments: the stevedore-cli to ask for the schema, and the package-lock.json of the server, whose
folder has the test files too. tools/setup.sh puts the server into the cache.
"""

import hashlib
import json
import os
import pathlib
import pwd
import subprocess
import sys
import tempfile
import threading
import unittest

PATIENCE_SECONDS = 60


def server_path(lock_file):
    """Where tools/setup.sh has put what `lock_file` describes."""
    digest = hashlib.sha256(pathlib.Path(lock_file).read_bytes()).hexdigest()[:16]
    return os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".cache", "stevedore",
                        f"yaml-language-server-{digest}", "node_modules", "yaml-language-server",
                        "bin", "yaml-language-server")


class Server:
    """One language server over its standard input and output."""

    def __init__(self, schema):
        self._process = subprocess.Popen(["node", SERVER, "--stdio"], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._watchdog = threading.Timer(PATIENCE_SECONDS, self._process.kill)
        self._watchdog.start()
        self._schema = schema
        self._diagnostics = {}
        self._send({"id": 1, "method": "initialize",
                    "params": {"processId": os.getpid(), "rootUri": None, "capabilities": {
                        "workspace": {"configuration": True}}}})
        self._wait(lambda message: message.get("id") == 1 and "result" in message)
        self._send({"method": "initialized", "params": {}})

    def close(self):
        self._watchdog.cancel()
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def diagnostics(self, name, text):
        """What is wrong with `text`: a list of (line from 1, message)."""
        uri = f"file:///work/{name}"
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": {
            "uri": uri, "languageId": "yaml", "version": 1, "text": text}}})
        message = self._wait(lambda m: m.get("method") == "textDocument/publishDiagnostics"
                             and m["params"]["uri"] == uri)
        return sorted((d["range"]["start"]["line"] + 1, d["message"])
                      for d in message["params"]["diagnostics"])

    def _send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _receive(self):
        length = 0
        while True:
            line = self._process.stdout.readline()
            if not line:
                raise AssertionError("the language server went away or said nothing for "
                                     f"{PATIENCE_SECONDS} seconds")
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            if line == b"\r\n":
                return json.loads(self._process.stdout.read(length))

    def _wait(self, wanted):
        while True:
            message = self._receive()
            if "id" in message and "method" in message:
                self._answer(message)
            elif wanted(message):
                return message

    def _answer(self, request):
        result = None
        if request["method"] == "workspace/configuration":
            settings = {"yaml": {"schemas": {self._schema: "*.yaml"}, "validate": True,
                                 "schemaStore": {"enable": False}}}
            result = [settings.get(item.get("section")) for item in request["params"]["items"]]
        self._send({"id": request["id"], "result": result})


class LanguageServerTest(unittest.TestCase):
    """What an editor shows."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        schema = pathlib.Path(cls.folder.name, "stevedore.json")
        schema.write_bytes(subprocess.run([CLI, "schema"], check=True,
                                          stdout=subprocess.PIPE).stdout)
        cls.server = Server(schema.as_uri())

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.folder.cleanup()

    def test_a_right_file_has_nothing_underlined(self):
        text = pathlib.Path(FILES, "right.yaml").read_text(encoding="utf-8")
        self.assertEqual(self.server.diagnostics("right.yaml", text), [])

    def test_each_mistake_is_underlined_where_it_is(self):
        text = pathlib.Path(FILES, "wrong.yaml").read_text(encoding="utf-8")
        # Every line that ends in "# wrong: TEXT" must have a finding with TEXT, no other may.
        expected = {number: line.split("# wrong: ")[1]
                    for number, line in enumerate(text.splitlines(), 1) if "# wrong: " in line}
        found = {}
        for line, message in self.server.diagnostics("wrong.yaml", text):
            found.setdefault(line, []).append(message)
        self.assertEqual(sorted(found), sorted(expected), found)
        for line, part in expected.items():
            self.assertIn(part, " | ".join(found[line]), f"line {line}")


if __name__ == "__main__":
    CLI, LOCK_FILE = sys.argv[1:3]
    FILES = os.path.dirname(LOCK_FILE)
    SERVER = server_path(LOCK_FILE)
    if not os.path.exists(SERVER):
        sys.exit(f"{SERVER} is not there; run tools/setup.sh test")
    unittest.main(argv=sys.argv[:1])
