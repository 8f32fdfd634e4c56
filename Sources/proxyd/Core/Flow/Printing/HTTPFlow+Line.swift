import NIOCore

extension HTTPFlow {
    /// Appends `127.0.0.1:51234: GET http://h/p → 200 OK 1.2k 3ms`, with control characters written out.
    func printLine(into text: inout [UInt8]) {
        printSource(into: &text)
        text.append(": ")
        text.append(escaped: request.method)
        text.append(" ")
        printTarget(into: &text)
        text.append(" → ")
        printOutcome(into: &text)
    }

    /// Who sent the request.
    private func printSource(into text: inout [UInt8]) {
        if replay == .request { return text.append("[replay]") }
        if let madeBy {
            text.append("[addon ")
            text.append(escaped: madeBy)
            return text.append("]")
        }
        guard let client = clientConnection.peername else { return text.append("a client") }
        text.append(host: client.host, port: client.port)
    }

    /// The URL; of a request that does not say where it goes, what it says.
    private func printTarget(into text: inout [UInt8]) {
        guard !request.host.isEmpty else { return text.append(escaped: request.path) }
        if request.method == "CONNECT" { return text.append(host: request.host, port: request.port) }
        text.append(escaped: request.scheme)
        text.append("://")
        let isUsualPort = request.port == (request.scheme == "https" ? 443 : 80)
        text.append(host: request.host, port: isUsualPort ? nil : request.port)
        if request.path != [UInt8(ascii: "*")] { text.append(escaped: request.path) }
    }

    private func printOutcome(into text: inout [UInt8]) {
        var addon: String?
        if case .addon(let name) = response?.origin { addon = name }
        if let failure {
            text.append("error: ")
            text.append(escaped: failure.error.message)
            text.append(addon == nil ? " " : " → ")
        }
        if failure == nil || addon != nil { printResponse(into: &text) }
        text.append(timestampCreated.millisecondsAgo)
        text.append("ms")
        guard let addon else { return }
        text.append(" (addon:")
        text.append(escaped: addon)
        text.append(")")
    }

    private func printResponse(into text: inout [UInt8]) {
        guard let response else { return }
        text.append(response.status)
        text.append(" ")
        if !response.reason.isEmpty {
            text.append(escaped: response.reason)
            text.append(" ")
        }
        text.append(size: response.body.size)
        text.append(" ")
    }
}
