import Glibc

/// Writes lines for whoever runs the addon. If the daemon started the addon, they become log entries.
enum Diagnostics {
    static func write(_ message: String) {
        let line = Array((message + "\n").utf8)
        _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
