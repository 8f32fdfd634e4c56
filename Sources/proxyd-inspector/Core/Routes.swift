import AddonProtocol
import AddonSDK
import FlyingFox
import Foundation

/// Answers the requests of the page.
struct Routes: Sendable {
    let store: FlowStore
    let status: InspectorStatus
    let pages: LivePages
    let breakpoints: Breakpoints
    let files: PageFiles
    let link: DaemonLink
    let isReadOnly: Bool

    func answer(_ request: HTTPRequest) async -> HTTPResponse {
        do {
            let place = request.path.split(separator: "/").map { String($0) }
            guard place.first == "api" else { return try files.answer(request) }
            return switch request.method {
            case .GET: try await read(Array(place.dropFirst()), Query(request), request)
            case .POST: try await act(Array(place.dropFirst()), request)
            default: throw Failure(405, "\(request.method.rawValue.prefix(40)): allowed are GET and POST")
            }
        } catch {
            return Failure(error).response
        }
    }

    private func read(_ place: [String], _ query: Query, _ request: HTTPRequest) async throws -> HTTPResponse {
        switch (place.first, place.count) {
        case ("info", 1): .json(try await info())
        case ("flows", 1): .json(try await OffPool.run { try list(query) })
        case ("flows", 2): .json(await whole(try await flow(place[1])))
        case ("flows", 3): try await part(place[2], of: try await flow(place[1]), query)
        case ("match", 1): .json(try await OffPool.run { try match(query) })
        case ("live", 1): try live(query, request).eventStream
        case ("tap", 1): try await tap(query).eventStream
        case ("addons", 1): .json(try await addons())
        case ("breakpoints", 1): .json(await breakpoints.json)
        case ("export", 1): try await export(query)
        case ("ca", 1): try await certificate()
        default: throw Failure(404, "no such thing here")
        }
    }

    private func act(_ place: [String], _ request: HTTPRequest) async throws -> HTTPResponse {
        guard place.count == 1 else { throw Failure(404, "no such thing here") }
        switch place[0] {
        case "import":
            try check(request, has: "application/octet-stream")
            return .json(try await importing(request))
        case "call": return .json(try await call(try await params(of: request)))
        case "breakpoints": return .json(try await setBreakpoints(try await params(of: request)))
        case "note": return .json(try await note(try await params(of: request)))
        case "forget": return .json(try await forget(try await params(of: request)))
        case "resume":
            _ = try await params(of: request)
            return .json(try await resumeAll())
        default: throw Failure(404, "no such thing here")
        }
    }

    /// A form on another site cannot send any of these types.
    private func check(_ request: HTTPRequest, has type: String) throws {
        let found = (request.headers[.contentType] ?? "").prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces)
        guard found.lowercased() == type else {
            throw Failure(415, "Content-Type: found \"\(found.prefix(100))\"; allowed: \(type)")
        }
    }

    private func params(of request: HTTPRequest) async throws -> JSONValue {
        try check(request, has: "application/json")
        let bytes = try await body(of: request, atMost: 64 << 20)
        guard let params = try? JSONReader.read(bytes, maximumDepth: 128), params.members != nil else {
            throw Failure(400, "the body is not a JSON object")
        }
        return params
    }

    /// - Throws: 413 beyond `limit` bytes.
    func body(of request: HTTPRequest, atMost limit: Int) async throws -> [UInt8] {
        let tooLarge = Failure(413, "the body: at most \(limit) bytes")
        if let count = request.bodySequence.count, count > limit { throw tooLarge }
        var bytes: [UInt8] = []
        for try await piece in request.bodySequence {
            guard bytes.count + piece.count <= limit else { throw tooLarge }
            bytes += piece
        }
        return bytes
    }

    func checkWriting() throws {
        if isReadOnly { throw Failure(403, "the inspector was started with --read-only") }
    }

    func flow(_ key: String) async throws -> StoredFlow {
        guard let number = Int(key), let flow = try await OffPool.run({ try store.flow(number) }) else {
            throw Failure.noFlow
        }
        return flow
    }

    func selection(_ query: Query) throws -> FlowSelection {
        try FlowSelection(filter: query["filter"], search: query["search"])
    }

    private func live(_ query: Query, _ request: HTTPRequest) throws -> LivePage {
        let last = request.headers[HTTPHeader("Last-Event-ID")].flatMap { Int($0) }
        return pages.open(try selection(query), after: last)
    }
}
