import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite("Addon spec")
struct AddonSpecTests {
    @Test("NAME=COMMAND and NAME*PROCESSES=COMMAND", arguments: [("a=run", 1), ("a*3=run", 3), ("a*64=x=1", 64)])
    func parses(_ text: String, _ processes: Int) throws {
        let spec = try #require(AddonSpec(parsing: text))
        #expect(spec.name == "a" && spec.processes == processes)
    }

    @Test(
        "what is neither is refused",
        arguments: ["a", "=run", "a=", "a b=run", "a*=run", "a*0=run", "a*65=run", "a*-1=run", "a*2*2=run", "*2=run"]
    )
    func refuses(_ text: String) {
        #expect(AddonSpec(parsing: text) == nil)
    }

    @Test("one process is the addon itself, several have names of their own and one pool")
    func makesInstances() throws {
        let one = AddonSpec(name: "a", command: "run")
        #expect(one.instances == [one] && one.pool == nil)
        var several = AddonSpec(name: "a", command: "run", onFailure: .closed, timeoutMs: 7)
        several.processes = 3
        #expect(several.instances.map(\.name) == ["a", "a#2", "a#3"])
        #expect(several.instances.allSatisfy { $0.pool == "a" && $0.command == "run" && $0.timeoutMs == 7 })
        #expect(several.instances.allSatisfy { $0.onFailure == .closed && $0.processes == 1 })
    }

    @Test("every key reads back as it was written")
    func readsBack() throws {
        let entry: JSONValue = [
            "a": [
                "command": "run", "on_failure": "closed", "timeout_ms": 7, "processes": 2, "user": "nobody",
                "cwd": "/tmp",
                "env": ["A": "1"], "inherit_env": false, "limits": ["memory": 1_048_576, "files": 64, "processes": 8],
                "redact": ["cookie"],
            ]
        ]
        let specs = try #require(AddonSpec.decodeAll(entry))
        #expect(AddonSpec.encodeAll(specs) == entry)
        #expect(specs[0].environment == ["A": "1"] && !specs[0].inheritsEnvironment)
        let hidden = AddonSpec.withoutCommands(entry)
        #expect(hidden["a"]?["command"] == "***" && hidden["a"]?["env"] == ["A": "***"])
        #expect(hidden["a"]?["timeout_ms"] == 7)
    }

    @Test("the text for a process keeps what makes the process")
    func hasProcessText() throws {
        var spec = AddonSpec(name: "a", command: "run \"it\"\n")
        (spec.user, spec.cwd, spec.environment) = ("nobody", UserPath("/tmp"), ["A": "secret"])
        let read = try #require(AddonSpec(processText: spec.processText))
        #expect(read.command == spec.command && read.user == "nobody" && read.cwd == spec.cwd)
        #expect(!spec.processText.contains("secret"))
    }

    @Test("the form in the config file tells the processes, unless it is one")
    func codes() throws {
        let decoded = try #require(AddonSpec.decodeAll(["a": ["command": "run", "processes": 2], "b": "run"]))
        #expect(decoded.map(\.processes) == [2, 1])
        #expect(AddonSpec.encodeAll(decoded) == ["a": ["command": "run", "processes": 2], "b": ["command": "run"]])
        for count: JSONValue in [0, 65, "2"] {
            #expect(AddonSpec.decodeAll(["a": ["command": "run", "processes": count]]) == nil)
        }
    }
}
