import AddonProtocol
import AddonSDK
import FlyingFox

extension Routes {
    /// The calls that the page may make; those that change nothing also with `--read-only`.
    private static let reading: Set<Call> = [.commandList, .optionsList, .addonList, .stats, .serverInfo]
    private static let writing: Set<Call> = [
        .flowResume, .flowKill, .flowUpdate, .flowReplay, .flowCreate, .injectWebSocket, .injectTCP, .commandCall,
        .addonReload,
    ]
    private static let longestNote = 65_536

    func call(_ params: JSONValue) async throws -> JSONValue {
        guard let method = params["method"]?.stringValue else { throw Failure(400, "method: which call to make") }
        let all = Self.reading.union(Self.writing)
        guard let call = Call(rawValue: method), all.contains(call) else {
            let allowed = all.map(\.rawValue).sorted().joined(separator: ", ")
            throw Failure(403, "method: found \(method.prefix(40)); allowed: \(allowed)")
        }
        if Self.writing.contains(call) { try checkWriting() }
        let given = params["params"] ?? [:]
        guard given.members != nil else { throw Failure(400, "params: found \(given.typeName); allowed: an object") }
        return try await link.call(call, try await named(given, call))
    }

    /// With the flow's id in the place of its key.
    private func named(_ params: JSONValue, _ call: Call) async throws -> JSONValue {
        guard let key = params["key"] else { return params }
        let id = try await OffPool.run { try key.intValue.flatMap { try store.id(of: $0) } }
        guard let id else { throw Failure.noFlow }
        return params.without("key").setting(call.flowArgument ?? "id", .string(id))
    }

    func addons() async throws -> JSONValue {
        async let list = link.call(.addonList)
        async let stats = link.call(.stats)
        let restartable = try await restartable()
        return ["addons": try await list["addons"] ?? [], "stats": try await stats, "restartable": restartable]
    }

    /// The addons in the option `addons` whose restart the daemon allows. The daemon also shows their commands to whoever has the
    /// right to restart them. The call may also be granted on its own.
    private func restartable() async throws -> JSONValue {
        let options = try await link.call(.optionsGet, ["names": ["addons", "grants"]])["options"] ?? .null
        let isGranted = options["grants"]?.arrayValue?.contains("inspector:addon.reload") == true
        let addons = (options["addons"]?.members ?? []).filter { isGranted || $0.value["command"] != "***" }
        return .array(addons.map { .string($0.name) })
    }

    func setBreakpoints(_ params: JSONValue) async throws -> JSONValue {
        try checkWriting()
        guard let list = params["breakpoints"]?.arrayValue, list.count <= Breakpoints.limit else {
            throw Failure(400, "breakpoints: a list of at most \(Breakpoints.limit)")
        }
        try await breakpoints.set(list)
        return await breakpoints.json
    }

    func note(_ params: JSONValue) async throws -> JSONValue {
        try checkWriting()
        let notes = try ["marked", "comment"].compactMap { name -> JSONValue.Member? in
            guard let note = params[name], !note.isNull else { return nil }
            guard let text = note.stringValue, text.utf8.count <= Self.longestNote else {
                throw Failure(
                    400,
                    "\(name): found \(note.typeName); allowed: a string of at most \(Self.longestNote) bytes"
                )
            }
            return .init(name, .string(text))
        }
        guard !notes.isEmpty else { throw Failure(400, "say what to note: marked or comment") }
        let given = JSONValue.object(notes)
        let key = params["key"]?.intValue ?? 0
        let (marked, comment) = (given["marked"]?.stringValue, given["comment"]?.stringValue)
        guard let id = try await OffPool.run({ try store.flow(key)?.id }) else { throw Failure.noFlow }
        // A flow that the daemon has forgotten is here alone.
        let answer = try? await link.call(.flowUpdate, ["id": .string(id), "patch": given])
        let rev = answer?["rev"]?.intValue
        let row = try await OffPool.run { try store.note(key, marked: marked, comment: comment, rev: rev) }
        guard let row else { throw Failure.noFlow }
        pages.tell([row["key"]?.intValue ?? 0])
        return ["row": row]
    }

    func forget(_ params: JSONValue) async throws -> JSONValue {
        try checkWriting()
        if params["all"] == true {
            let forgotten = try await OffPool.run { try store.forgetAll() }
            pages.tellAllGone()
            return ["forgotten": .integer(forgotten)]
        }
        let (keys, forgotten) = try await OffPool.run {
            let keys = try params["keys"].map(Self.keys) ?? selectedKeys(params)
            return (keys, try store.forget(keys: keys))
        }
        pages.tellGone(keys)
        return ["forgotten": .integer(forgotten)]
    }

    private static func keys(_ list: JSONValue) throws -> [Int] {
        let keys = (list.arrayValue ?? [.null]).map(\.intValue)
        guard !keys.contains(nil) else { throw Failure(400, "keys: a list of keys of flows") }
        return keys.compactMap(\.self)
    }

    private func selectedKeys(_ params: JSONValue) throws -> [Int] {
        let selection = try FlowSelection(filter: params["filter"]?.stringValue, search: params["search"]?.stringValue)
        guard !selection.isEverything else { throw Failure(400, "say which flows: keys, filter, search, or all") }
        return try store.allKeys(selection)
    }

    func resumeAll() async throws -> JSONValue {
        try checkWriting()
        var resumed = 0
        var before = JSONValue.null
        repeat {
            let page: [JSONValue.Member] = before.isNull ? [] : [.init("before", before)]
            let answer = try await link.call(.flowList, .object([.init("limit", 1_000)] + page))
            for row in answer["flows"]?.arrayValue ?? [] where row["intercepted"] == true {
                let outcome = try await link.call(.flowResume, ["id": row["id"] ?? ""])
                if outcome["applied"] == true { resumed += 1 }
            }
            before = answer["next"] ?? .null
        } while !before.isNull
        return ["resumed": .integer(resumed)]
    }

    func importing(_ request: HTTPRequest) async throws -> JSONValue {
        try checkWriting()
        let bytes = try await body(of: request, atMost: ImportedFlows.maximumBytes)
        return try await OffPool.run {
            let imported = try ImportedFlows(bytes)
            var count = 0
            try store.keep(imported.flows) { keys, left in
                count += keys.count
                pages.tellKept(keys, left)
            }
            let skipped = imported.skipped.map { entry, reason in
                JSONValue.object([.init("entry", .integer(entry)), .init("reason", .string(reason))])
            }
            return ["imported": .integer(count), "skipped": .array(skipped)]
        }
    }

    /// The frames between the daemon and its addons, on a separate connection for this page, which loses what it cannot take.
    func tap(_ query: Query) async throws -> EventStream {
        let (stream, flows) = (EventStream(), TappedFlows())
        let daemon = try await link.another("inspector-tap", []) { call in
            switch call.method {
            case "tap": stream.send("frame", flows.named(call.params.value))
            case "dropped": stream.miss(call.params["count"]?.value.intValue ?? 0)
            default: break
            }
            return nil
        }
        let chosen: [JSONValue.Member] = [
            query["addon"].map { .init("addons", [.string($0)]) },
            query["event"].map { .init("events", [.string($0)]) },
            query["filter"].map { .init("filter", .string($0)) },
        ].compactMap(\.self)
        do {
            _ = try await daemon.call(.tapStart, .object(chosen))
        } catch {
            await daemon.leave()
            throw error
        }
        let comments = Task {
            while !Task.isCancelled {
                stream.sendComment()
                try await Task.sleep(for: Inspector.commentPause)
            }
        }
        Task {
            await daemon.waitUntilClosed()
            comments.cancel()
            stream.finish()
        }
        stream.whenEnded { Task { await daemon.leave() } }
        return stream
    }
}
