import AddonProtocol
import AddonSDK
import ArgumentParser

struct HoldCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "hold",
        abstract:
            "Hold matching new flows, or connections, until Ctrl-C, which resumes them all.",
        discussion: """
            Meanwhile, use proxyd show, edit, resume and kill in another terminal. A body is held together with its head, so that edit can \
            change both.

            EXAMPLES
              proxyd hold '~d example.com & ~m POST'
              proxyd hold --event serverconnect
            """
    )

    @Argument(help: "The filter of the flows to hold; ~all for every flow. Connections take no filter.")
    var filter: String?

    @Option(
        help: ArgumentHelp(
            "Where to hold them: request, response, or any other event that waits for a reply; may be repeated.",
            valueName: "name"
        )
    )
    var event: [String] = ["request"]

    @OptionGroup var tool: ToolOptions

    var isWatching: Bool { true }

    func validate() throws {
        let events = try events
        if let filter, let event = events.first(where: { !$0.hasFlow }) {
            throw ValidationError("--event \(event.rawValue): has no flow, so it takes no filter: \(filter)")
        }
        if filter == nil, events.contains(where: \.hasFlow) {
            throw ValidationError("the filter of the flows to hold is missing; ~all holds every flow")
        }
    }

    func work() async throws {
        let (printer, json) = (FlowPrinter(json: tool.json, isGrowing: true), tool.json)
        let chosen = Set(try events.map(\.rawValue))
        let subscriptions = try events.map { Subscription(event: $0, filter: filter) }
        let daemon = try await connectHolding(subscriptions) { call in
            guard call.id != nil, chosen.contains(call.method) else { return nil }
            if let flow = call.params["flow"]?.value {
                printer.printHeld(flow, at: call.method)
            } else {
                HeldConnectionText.print(call, json: json)
            }
            return ["action": "hold"]
        }
        Notice.write("holding; Ctrl-C ends it and resumes everything that is held")
        if filter != nil { printer.begin(with: [:]) }
        await daemon.waitUntilClosed()
        throw DaemonError.connectionLost
    }

    /// Rejects an invalid filter as the user gave it, without the details of the call.
    private func connectHolding(
        _ subscriptions: [Subscription],
        receive: @escaping Daemon.Receiver
    ) async throws -> Daemon {
        do {
            return try await connect(subscriptions, receive: receive)
        } catch let error as ProtocolError where error.data?.text("field").hasSuffix(".filter") ?? false {
            throw ToolFailure.usage("filter" + error.message.dropFirst(error.data?.text("field").count ?? 0))
        }
    }

    private var events: [Event] {
        get throws {
            try event.flatMap { name in
                // Patterns are for flows only.
                let isName = Event(rawValue: name) != nil
                let found = Event.matching(name).filter { $0.isRequest && !$0.isLifecycle && ($0.hasFlow || isName) }
                guard found.isEmpty else { return found }
                let allowed = Event.allCases.filter { $0.isRequest && !$0.isLifecycle && $0.availability == .now }
                throw ValidationError("--event \(name): allowed are \(allowed.map(\.rawValue).joined(separator: ", "))")
            }
        }
    }
}
