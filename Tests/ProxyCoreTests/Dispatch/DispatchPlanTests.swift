import AddonProtocol
import NIOCore
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

struct DispatchPlanTests {
    private let flow = HTTPFlow.sample(hasResponse: false)
    /// Before the request's body has come.
    private var view: HTTPFlowView { HTTPFlowView(flow: flow, awaiting: .request) }

    private func plan(_ subscription: JSONValue) throws -> DispatchPlan { try DispatchPlan(of: ["a": [subscription]]) }

    // MARK: Routes

    @Test func `each event has those who want it, in the order of the chain`() throws {
        let plan = try DispatchPlan(of: [
            "first": ["request", ["event": "response", "mode": "observe"]],
            "audit": [["event": "request", "mode": "audit"]],
            "observer": [["event": "request", "mode": "observe"]],
            "last": ["request", "websocket_end"],
        ])
        let route = try #require(plan[.request]).names
        #expect(route.enforcing == ["first", "audit", "last"])
        #expect(route.deciding == ["first", "last"])
        #expect(route.observing == ["observer"])
        #expect(plan.isHeard(.response) && !plan.isHeard(.error) && plan[.error] == nil)
        let end = try #require(plan[.websocketEnd]).names
        #expect(end.enforcing.isEmpty && end.observing == ["last"], "nobody is asked at what is only told")
    }

    @Test func `a plan without addons hears nothing`() throws {
        let plan = try DispatchPlan(of: [:])
        #expect(plan.isEmpty && Event.allCases.allSatisfy { !plan.isHeard($0) })
    }

    @Test func `a subscription by name is told from one to everything`() throws {
        #expect(try DispatchPlan(of: ["a": ["request"]])[.request]?.enforcing.first?.isNamed == true)
        #expect(try DispatchPlan(of: ["a": ["*"]])[.request]?.enforcing.first?.isNamed == false)
    }

    // MARK: What is held

    @Test(
        arguments: [
            (["body": "full"], true), (["body": ["preview": 9]], true), (["body": "none"], false),
            (["body": "stream"], false), (["body": "full", "mode": "observe"], false),
            (["body": "full", "mode": "audit"], false), (["body": "full", "filter": "~u elsewhere"], false),
            (["body": "full", "filter": "~u a.test"], true), (["body": "none", "filter": "~b hi"], true),
            (["body": "none", "filter": "~u a.test"], false),
        ] as [(JSONValue, Bool)]
    )
    func `a body is held for who decides and may want to see it`(wishes: JSONValue, isHeld: Bool) throws {
        flow.request.body = Body()
        let plan = try plan(.object([.init("event", "request")] + (wishes.members ?? [])))
        #expect(plan.holdsBody(for: .request, of: flow, as: view) == isHeld)
        #expect(plan.namesOfHolders(of: .request, flow, as: view) == (isHeld ? ["a"] : []))
        #expect(!plan.holdsBody(for: .response, of: flow, as: view))
    }

    @Test func `who decides by the head does so ahead, unless somebody has a use for the body`() throws {
        let head: JSONValue = [["event": "request", "body": "none"]]
        let whole: JSONValue = [["event": "request", "filter": "~u elsewhere"]]
        let plan = try DispatchPlan(of: ["a": head, "b": whole, "c": head])
        #expect(plan.headDeciders(of: .request, flow, as: view).map(\.seat.name) == ["a", "c"])
        flow.request.path = Array("/elsewhere".utf8)
        #expect(plan.headDeciders(of: .request, flow, as: view).isEmpty)
    }

    @Test func `chunks are for who asked for them, of flows that match`() throws {
        let chunks: JSONValue = ["event": "request_data", "body": "stream", "filter": "~u a.test"]
        #expect(try plan(chunks).streamsBody(for: .requestData, of: flow))
        #expect(try !plan("request_data").streamsBody(for: .responseData, of: flow))
        flow.request.host = "b.test"
        #expect(try !plan(chunks).streamsBody(for: .requestData, of: flow))
    }

    // MARK: What is kept

    @Test(
        arguments: [
            (["body": ["preview": 9]], 9), (["body": ["preview": 9], "mode": "observe"], 9),
            (["body": "full"], 0), (["body": "full", "mode": "observe"], 100),
            (["body": "full", "mode": "audit"], 100), (["body": "none", "mode": "observe"], 0),
            (["body": "none", "mode": "observe", "filter": "~b hi"], 100),
            (["body": ["preview": 9], "mode": "observe", "filter": "~b hi"], 100),
            (["body": "full", "mode": "observe", "filter": "~u elsewhere"], 0),
        ] as [(JSONValue, Int)]
    )
    func `of a body that passes so much is kept as is shown at its end`(wishes: JSONValue, count: Int) throws {
        flow.request.body = Body()
        let plan = try plan(.object([.init("event", "request")] + (wishes.members ?? [])))
        #expect(plan.keptBytes(for: .request, of: flow, as: view, copyLimit: 100) == count)
    }

    @Test func `of several the one who wants most has its way`() throws {
        let previews = [3, 8, 5].map { JSONValue.array([["event": "request", "body": ["preview": .integer($0)]]]) }
        let plan = try DispatchPlan(of: ["a": previews[0], "b": previews[1], "c": previews[2]])
        #expect(plan.keptBytes(for: .request, of: flow, as: view, copyLimit: 100) == 8)
    }

    @Test(arguments: [("~c 200", true), ("~u a.test", true), ("~u elsewhere", false)])
    func `a request is kept for a response that may match`(filter: String, isKept: Bool) throws {
        let keeps: JSONValue = ["event": "response", "keep": ["request.content"], "filter": .string(filter)]
        #expect(try plan(keeps).keepsRequest(of: flow, as: view) == isKept)
        #expect(try !plan(["event": "response", "filter": .string(filter)]).keepsRequest(of: flow, as: view))
    }

    // MARK: Guards

    @Test(
        arguments: [
            (["on_failure": "closed"], true), (["on_failure": "open"], false),
            (["on_failure": "closed", "body": ["preview": 9]], false),
            (["on_failure": "closed", "mode": "audit"], false),
            (["on_failure": "closed", "exclude": ["request.content"]], false),
            (["on_failure": "closed", "filter": "~u elsewhere"], false),
        ] as [(JSONValue, Bool)]
    )
    func `a guardian is closed and sees the whole body`(wishes: JSONValue, isGuardian: Bool) throws {
        let plan = try plan(.object([.init("event", "request")] + (wishes.members ?? [])))
        #expect(plan.guardian(of: .request, flow) == (isGuardian ? "a" : nil))
    }

    @Test func `messages are guarded by who is closed, and wanted by whoever asked for them`() throws {
        let open = try plan("websocket_message")
        #expect(open.wantsMessage(of: flow, as: view) && !open.guardsMessages(of: flow))
        let closed = try plan(["event": "websocket_message", "on_failure": "closed"])
        #expect(closed.guardsMessages(of: flow))
        let none = try plan("request")
        #expect(!none.wantsMessage(of: flow, as: view) && !none.guardsMessages(of: flow))
    }
}
