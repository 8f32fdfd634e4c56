import AddonProtocol
import FlyingFox
import Foundation

/// The body of one side of a flow, for the page.
struct StoredBody {
    private static let largestPiece = 8 << 20
    /// Types that a page may show directly, since none can contain a script.
    private static let pictures = [
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "image/x-icon",
    ]

    private let bytes: [UInt8]
    private let size: Int
    private let isComplete: Bool
    private let isDecoded: Bool
    private let contentType: String

    init(_ flow: StoredFlow, _ query: Query, _ link: DaemonLink) async throws {
        let part = query["part"] ?? "response"
        guard ["request", "response"].contains(part) else {
            throw Failure(400, "part: found \"\(part)\"; allowed: request, response")
        }
        guard let detail = flow.detail else {
            self = try await StoredBody(of: part, flow, link)
            return
        }
        guard let message = (detail["handshake_flow"] ?? detail)[part], message.members != nil else {
            throw Failure(404, "the flow has no \(part)")
        }
        bytes = (part == "request" ? flow.request : flow.response) ?? []
        isComplete = message["content_complete"] == true
        size = max(bytes.count, isComplete ? 0 : message["content_size"]?.intValue ?? 0)
        isDecoded = message["content_decoded"] == true
        contentType = message.contentType
    }

    /// The daemon's body of a flow that is running, or that was missed.
    private init(of part: String, _ flow: StoredFlow, _ link: DaemonLink) async throws {
        let id = flow.id
        let answer = try await link.asking(about: flow) {
            try await $0.call(.flowBody, ["id": .string(id), "part": .string(part), "decode": true])
        }
        bytes = answer["data"]?.bytesValue ?? []
        size = answer["size"]?.intValue ?? bytes.count
        isComplete = answer["complete"] == true
        isDecoded = answer["decoded"] == true
        let whole = try? await link.call(.flowGet, ["id": .string(id)])["flow"]
        contentType = (whole?["handshake_flow"] ?? whole)?[part]?.contentType ?? ""
    }

    func answer(_ query: Query) throws -> HTTPResponse {
        let offset = min(try query.number("offset") ?? 0, bytes.count)
        let length = min(try query.number("length") ?? Self.largestPiece, Self.largestPiece, bytes.count - offset)
        var fields: [HTTPHeader: String] = [
            .contentType: "application/octet-stream", HTTPHeader("X-Body-Size"): "\(size)",
            HTTPHeader("X-Body-Complete"): "\(isComplete)", HTTPHeader("X-Body-Decoded"): "\(isDecoded)",
            HTTPHeader("Content-Security-Policy"): "sandbox; default-src 'none'",
        ]
        if let charset { fields[HTTPHeader("X-Body-Charset")] = charset }
        if query["download"] == "1" { fields[.contentDisposition] = "attachment; filename=\"body\"" }
        return HTTPResponse(
            statusCode: .ok,
            headers: HTTPHeaders(fields),
            body: Data(bytes[offset..<offset + length])
        )
    }

    /// The body with its own type, for a sandboxed frame.
    func preview() throws -> HTTPResponse {
        let type = contentType.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        guard Self.pictures.contains(type) || type == "text/html" else {
            throw Failure(415, "only pictures and HTML can be shown, not \(type)")
        }
        return HTTPResponse(
            statusCode: .ok,
            headers: [
                .contentType: type == "text/html" ? "text/html; charset=\(charset ?? "utf-8")" : type,
                HTTPHeader("Content-Security-Policy"):
                    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
            ],
            body: Data(bytes)
        )
    }

    /// The charset of the content type, if it is a plain name.
    private var charset: String? {
        guard let start = contentType.lowercased().range(of: "charset=") else { return nil }
        let name = contentType[start.upperBound...].prefix { $0 != ";" }.filter {
            $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0))
        }
        return name.isEmpty ? nil : name.lowercased()
    }
}
