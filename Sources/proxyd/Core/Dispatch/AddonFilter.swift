import AddonProtocol

/// An addon's flow filter. It finds nothing in what is hidden from the addon.
struct AddonFilter: Sendable {
    private let filter: FlowFilter
    var redaction: Redaction?

    /// - Throws: -32602 when the text is not a filter.
    init(parsing text: String, _ redaction: Redaction?) throws(ProtocolError) {
        filter = try FlowFilter(parsing: text)
        self.redaction = redaction
    }

    /// Nil when that cannot be decided.
    func matches(_ flow: some FilterableFlow, _ time: FilterTime = .short) -> Bool? {
        guard let redaction else { return filter.matches(flow, time) }
        return filter.matches(RedactedView(flow: flow, redaction: redaction), time)
    }

    /// Whether the flow will match after its request was sent; nil when that cannot be decided yet.
    func willMatch(_ flow: some FilterableFlow) -> Bool? {
        guard let redaction else { return filter.willMatch(flow) }
        return filter.willMatch(RedactedView(flow: flow, redaction: redaction))
    }

    /// Whether the subject matches, even if that takes long: bodies are decoded and searched on another thread.
    func matches(_ subject: any EventSubject, on loop: LoopContext) async -> Bool? {
        _ = try? await subject.prepare(.decoded, on: loop)
        guard let view = subject.filterView else { return nil }
        let copy = FilterableCopy(view)
        return await loop.offLoop { self.matches(copy, .long) }
    }

    /// Whether the flow matches or may match.
    func matches(any flow: any LiveFlow) -> Bool {
        let view = flow.view
        return matches(view) ?? true
    }
}

/// A view of a flow in which some fields are hidden.
private struct RedactedView<Flow: FilterableFlow>: FilterableFlow {
    let flow: Flow
    let redaction: Redaction

    func headerLines(of side: FilterSide) -> [UInt8]? { flow.headerLines(of: side).map(redaction.redactedLines) }
    var metadata: String { String(decoding: redaction.redactedLines(Array(flow.metadata.utf8)), as: UTF8.self) }
    func contentTypes(of side: FilterSide) -> [[UInt8]] {
        redaction.hides("content-type") ? [] : flow.contentTypes(of: side)
    }

    var kind: FlowKind { flow.kind }
    var method: [UInt8]? { flow.method }
    var url: [UInt8]? { flow.url }
    var hosts: [[UInt8]] { flow.hosts }
    var hasResponse: Bool? { flow.hasResponse }
    var status: Int? { flow.status }
    func bodies(of side: FilterSide) -> FilterBodies { flow.bodies(of: side) }
    var source: String? { flow.source }
    var destination: String? { flow.destination }
    var hasError: Bool { flow.hasError }
    var marked: String { flow.marked }
    var comment: String { flow.comment }
    var replay: String? { flow.replay }
}
