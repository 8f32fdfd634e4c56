import Foundation

/// The daemon's environment with the two variables by which an addon finds its way back; `NAME=VALUE` each.
func environmentOfAddon(socketPath: String, token: String) -> [String] {
    var variables = ProcessInfo.processInfo.environment
    variables["PROXYD_ADDON_SOCKET"] = socketPath
    variables["PROXYD_ADDON_TOKEN"] = token
    return variables.map { "\($0)=\($1)" }
}

/// 128 bits from the system's generator, as 32 hex digits.
func randomToken() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<16).map { _ in
        let byte = UInt8.random(in: 0...255, using: &generator)
        return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
}
