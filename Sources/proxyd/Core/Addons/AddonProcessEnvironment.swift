import Foundation

/// The environment of an addon: what it inherits, whose it is, what its entry gives it, and the two variables by which it
/// finds its way back; `NAME=VALUE` each.
func environmentOfAddon(_ spec: AddonSpec, socketPath: String, token: String) -> [String] {
    let inherited = ProcessInfo.processInfo.environment
    var variables = spec.inheritsEnvironment ? inherited : ["PATH": "/usr/local/bin:/usr/bin:/bin"]
    if let user = spec.user.flatMap({ try? SystemUser($0) }) {
        variables.merge(["HOME": user.home, "USER": user.name, "LOGNAME": user.name]) { $1 }
    }
    // One that the daemon has inherited is for no addon.
    variables[BundledInspector.tokenVariable] = nil
    variables.merge(spec.environment) { $1 }
    variables["PROXYD_ADDON_SOCKET"] = socketPath
    variables["PROXYD_ADDON_TOKEN"] = token
    return variables.map { "\($0)=\($1)" }
}

/// 128 bits from the system's generator, as 32 hex digits.
package func randomToken() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<16).map { _ in
        let byte = UInt8.random(in: 0...255, using: &generator)
        return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
}
