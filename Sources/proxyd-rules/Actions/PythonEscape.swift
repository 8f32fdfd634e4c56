/// The escapes common to Python's string literals and replacement templates.
enum PythonEscape {
    /// The control character for a letter after a backslash; a letter without one stands for itself.
    static func control(_ letter: UInt8) -> UInt8 {
        switch Unicode.Scalar(letter) {
        case "a": 0x07
        case "b": 0x08
        case "f": 0x0c
        case "n": 0x0a
        case "r": 0x0d
        case "t": 0x09
        case "v": 0x0b
        default: letter
        }
    }
}
