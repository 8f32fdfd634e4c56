import AddonProtocol
import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// The rights of an addon that follow from its identity and the options.
struct AddonRightsTests {
    private func rights(
        _ grants: [String] = [],
        uid: UInt32 = getuid(),
        isSpawned: Bool = false,
        attached: [String]? = nil
    ) throws -> AddonRights {
        var options = Options()
        let catalogue = OptionCatalogue.builtIn
        try options.set(catalogue.definition(named: "grants"), to: .array(grants.map { .string($0) }))
        if let attached {
            try options.set(catalogue.definition(named: "attached_rights"), to: .array(attached.map { .string($0) }))
        }
        let spec = isSpawned ? AddonSpec(name: "a", command: "run") : nil
        let registration = try Registration(params: ["name": "a"])
        return AddonRights(AddonIdentity(registration, spec, uid: uid), spec, options)
    }

    private let stranger = getuid() == 0 ? UInt32(65_534) : getuid() + 1

    private func calls(_ rights: AddonRights) -> [String] {
        [Call.flowGet, .flowKill, .optionsSet, .addonAdd, .shutdown].filter(rights.allow).map(\.rawValue)
    }

    @Test func `who comes by itself, is started, or is somebody else`() throws {
        #expect(try calls(rights()).count == 5)
        #expect(try calls(rights(isSpawned: true)) == ["flow.get", "flow.kill"])
        #expect(try calls(rights(uid: stranger)) == [])
        #expect(try calls(rights(uid: 0)).count == 5)
        #expect(try rights(uid: stranger).allow(.request) && !rights(uid: stranger).has(.mutate))
        #expect(try calls(rights(attached: ["events", "flows.read"])) == ["flow.get"])
    }

    @Test func `what needs no right`() throws {
        let none = try rights(attached: [])
        for call in [Call.ping, .log, .progress, .optionsGet, .commandList] { #expect(none.allow(call)) }
        #expect(!none.allow(.request))
    }

    @Test(
        arguments: [
            (["a:flows.read"], ["flow.get"]), (["*:addon.add"], ["addon.add"]), (["b:flows.read"], []),
            (["*:flows.read", "a:-flow.get"], []), (["*:flow.get", "a:-flows.read"], []),
            (["a:shutdown", "a:-shutdown", "a:shutdown"], ["shutdown"]),
        ] as [([String], [String])]
    )
    func `the later grant counts`(grants: [String], expected: [String]) throws {
        #expect(try calls(rights(grants, attached: [])) == expected)
    }

    @Test func `a name gives nothing to other users, and takes away`() throws {
        #expect(try calls(rights(["a:shutdown"], uid: stranger)) == [])
        #expect(try calls(rights(["uid=\(stranger):shutdown"], uid: stranger)) == ["shutdown"])
        #expect(try calls(rights(["*:shutdown", "a:-shutdown"], uid: stranger)) == [])
    }

    @Test func `a started addon has the grants of its name`() throws {
        #expect(try calls(rights(["a:shutdown", "uid=\(getuid()):options"], isSpawned: true)).contains("shutdown"))
        #expect(try !calls(rights(["uid=\(getuid()):options"], isSpawned: true)).contains("options.set"))
    }

    @Test func `of a pattern for all events the rest is left out, and one that is named is refused`() throws {
        let limited = try rights(attached: ["events=request,log"])
        let all = try Subscription.parse(["*"])
        #expect(try limited.limited(all).map(\.event) == [.log, .request])
        #expect(try limited.limited(all).allSatisfy { $0.mode == .observe })
        #expect(throws: ProtocolError.self) { try limited.limited(try Subscription.parse(["response"])) }
    }

    @Test(
        arguments: [
            "", "-", "events=", "events=none", "-events=request", "mutate=", "mutate=A", "flow", "flow.gets", "ping",
        ]
    )
    func `what is no right`(text: String) {
        #expect(Right(parsing: text) == nil)
    }
}

struct MutablePathsTests {
    private let paths = MutablePaths(["request.headers", "comment", "server_conn.address"])

    private func path(_ name: String, _ patch: JSONValue, sent: JSONValue = [:]) -> String? {
        do {
            try paths.check(.init(name, patch), sent: sent)
            return nil
        } catch {
            return error.path
        }
    }

    @Test func `what is below an allowed path is allowed`() {
        #expect(path("flow", ["request": ["headers": ["a": "1"]], "comment": "x"]) == nil)
        #expect(path("server_conn", ["address": ["h", 1]]) == nil)
    }

    @Test func `the first that is not allowed is named`() {
        #expect(path("flow", ["request": ["headers": [:], "path": "/"]]) == "flow.request.path")
        #expect(path("flow", ["response": ["status_code": 200]]) == "flow.response")
        #expect(path("flow", ["request": .null]) == "flow.request")
        #expect(path("server_conn", ["sni": "a"]) == "server_conn.sni")
        #expect(path("valid", true) == "valid")
    }

    @Test func `what changes nothing does not count`() {
        let sent: JSONValue = ["request": ["path": "/", "method": "GET"], "marked": ""]
        #expect(
            path("flow", ["request": ["path": "/", "method": "GET"], "marked": "", "comment": "x"], sent: sent) == nil
        )
    }
}
