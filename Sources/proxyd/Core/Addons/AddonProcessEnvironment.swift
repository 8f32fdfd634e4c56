import Foundation

/// The environment of an addon, as `NAME=VALUE` entries: what it inherits, its user's variables, those of its entry,
/// and the two by which it finds the daemon.
func environmentOfAddon(_ spec: AddonSpec, socketPath: String, token: String) -> [String] {
    let inherited = ProcessInfo.processInfo.environment
    var variables = spec.inheritsEnvironment ? inherited : ["PATH": "/usr/local/bin:/usr/bin:/bin"]
    if let user = spec.user.flatMap({ try? SystemUser($0) }) {
        variables.merge(["HOME": user.home, "USER": user.name, "LOGNAME": user.name]) { $1 }
    }
    // If the daemon has inherited this variable, it is not for addons.
    variables[BundledInspector.tokenVariable] = nil
    variables.merge(spec.environment) { $1 }
    variables["PROXYD_ADDON_SOCKET"] = socketPath
    variables["PROXYD_ADDON_TOKEN"] = token
    return variables.map { "\($0)=\($1)" }
}

/// 128 bits from the system's random generator, as 32 hex digits.
package func randomToken() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<16).map { _ in
        let byte = UInt8.random(in: 0...255, using: &generator)
        return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
}
