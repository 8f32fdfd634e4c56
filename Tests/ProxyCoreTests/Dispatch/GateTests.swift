import AddonProtocol
import Glibc
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

struct GateTests {
    private let flow = HTTPFlow.sample(hasResponse: false)

    /// That of an addon with this subscription to `request`.
    private func gate(_ wishes: [JSONValue.Member] = [], redact: [String] = []) throws -> Gate {
        let terms = try AddonTerms(of: [.object([.init("event", "request")] + wishes)], redact: redact)
        let chain = Chain([(Seat(name: "a", pool: nil), terms)])
        let plan = DispatchPlan(chain, on: LoopExecutor.shared.eventLoop)
        let subscriber = try #require(plan[.request]?.enforcing.first)
        return Gate(subject: flow, event: .request, subscriber, view: subscriber.shape)
    }

    private func apply(_ patch: JSONValue, by gate: Gate, sent: JSONValue? = nil) throws(PatchRefusal) -> Bool {
        let sent = sent ?? flow.snapshot
        return try gate.apply(.init("flow", patch), sent: { sent })
    }

    @Test func `a change is made, and it is remembered whose it was`() throws {
        #expect(try apply(["request": ["path": "/new"], "comment": "seen"], by: gate()))
        #expect(String(decoding: flow.request.path, as: UTF8.self) == "/new" && flow.revision == 1)
        let changes = flow.control.changes
        #expect(changes.addons == ["a"])
        let paths = changes.json.arrayValue?.map { $0["path"]?.stringValue }
        #expect(paths.map(Set.init) == ["request.path", "comment"])
        #expect(changes.json.arrayValue?.allSatisfy { $0["event"] == "request" && $0["audit"] == false } == true)
    }

    @Test func `a snapshot that comes back as it was sent changes nothing`() throws {
        #expect(try !apply(flow.snapshot, by: gate()))
        #expect(flow.revision == 0 && flow.control.changes.entries.isEmpty)
    }

    @Test func `what an auditing addon wants is remembered, and undone`() throws {
        let before = flow.snapshot
        #expect(try apply(["request": ["path": "/new"]], by: gate([.init("mode", "audit")])))
        #expect(flow.snapshot == before && flow.revision == 0)
        let change = try #require(flow.control.changes.json.arrayValue?.first)
        #expect(change["audit"] == true && change["before"] == "/p?q=1" && change["after"] == "/new")
        #expect(flow.control.changes.addons.isEmpty)
    }

    @Test func `a patch that is refused changes nothing`() throws {
        let (before, gate) = (flow.snapshot, try gate())
        #expect(throws: PatchRefusal.self) { try apply(["comment": "x", "request": ["port": "x"]], by: gate) }
        #expect(flow.snapshot == before && flow.control.changes.entries.isEmpty)
    }

    @Test func `the marks that an addon sends back stand for the values that it was not shown`() throws {
        let sent = try #require(Redaction(["A"])).redacted(flow.snapshot)
        let fields = sent["request"]?["headers"]?.arrayValue ?? []
        #expect(fields[1...2] == [["A", .string(Redaction.mark)], ["a", .string(Redaction.mark)]])
        let patch: JSONValue = ["request": ["headers": .array(fields + [["X", "new"]])]]
        #expect(try apply(patch, by: gate(redact: ["A"]), sent: sent))
        let values = flow.request.headers.values("a").map { String(decoding: $0, as: UTF8.self) }
        #expect(values == ["1", "2"] && flow.request.headers.contains("x"))
    }

    @Test func `an addon may change what its rights name, and nothing else`() throws {
        let options = try Options().applying(["attached_rights": ["events", "mutate=comment"]]).options
        let registration = try Registration(params: ["name": "a"])
        let rights = AddonRights(AddonIdentity(registration, nil, uid: getuid()), nil, options)
        let gate = Gate(subject: flow, addon: "a", rights, call: .flowUpdate)
        #expect(try apply(["comment": "x"], by: gate))
        let refusal = #expect(throws: PatchRefusal.self) { try apply(["comment": "y", "marked": "x"], by: gate) }
        #expect(refusal?.path == "flow.marked" && flow.notes.comment == "x")
        #expect(flow.control.changes.json.arrayValue?.first?["event"] == "flow.update")
    }
}
