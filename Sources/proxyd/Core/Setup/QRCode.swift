/// A QR code (ISO/IEC 18004) of bytes, with error correction level M and versions 1 to 10.
struct QRCode: Equatable {
    /// Modules per side, without the quiet zone.
    let size: Int
    /// The modules row by row; true is dark.
    private(set) var modules: [Bool]
    /// Which modules belong to patterns rather than data.
    private var isPattern: [Bool]
    private let version: Int

    /// Nil when the text is longer than 213 bytes, the capacity of version 10.
    init?(_ text: String) {
        guard let codewords = QRCodewords(Array(text.utf8)) else { return nil }
        version = codewords.version
        size = 17 + 4 * version
        modules = [Bool](repeating: false, count: size * size)
        isPattern = modules
        drawPatterns()
        drawData(codewords.bytes)
        mask()
    }

    subscript(x: Int, y: Int) -> Bool { modules[y * size + x] }

    /// Renders an SVG image with the quiet zone of four modules; `label` is its accessible name.
    func svg(label: String) -> String {
        let side = size + 8
        var path = ""
        for y in 0..<size {
            for x in 0..<size where self[x, y] { path += "M\(x + 4) \(y + 4)h1v1h-1z" }
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(side) \(side)" role="img" aria-label="\(label)" \
            shape-rendering="crispEdges"><path fill="#fff" d="M0 0h\(side)v\(side)H0z"/><path fill="#000" d="\(path)"/></svg>
            """
    }

    // MARK: Patterns

    private mutating func set(_ x: Int, _ y: Int, _ isDark: Bool) {
        guard (0..<size).contains(x), (0..<size).contains(y) else { return }
        modules[y * size + x] = isDark
        isPattern[y * size + x] = true
    }

    private mutating func drawPatterns() {
        for place in 0..<size {
            set(6, place, place % 2 == 0)
            set(place, 6, place % 2 == 0)
        }
        for (x, y) in [(3, 3), (size - 4, 3), (3, size - 4)] { drawFinder(x, y) }
        let places = alignmentPlaces
        for (row, y) in places.enumerated() {
            for (column, x) in places.enumerated() {
                let last = places.count - 1
                let isFinder = (row, column) == (0, 0) || (row, column) == (0, last) || (row, column) == (last, 0)
                if !isFinder { drawSquares(x, y, radius: 2) { $0 != 1 } }
            }
        }
        drawFormat(mask: 0)
        drawVersion()
    }

    private mutating func drawFinder(_ x: Int, _ y: Int) {
        drawSquares(x, y, radius: 4) { $0 != 2 && $0 != 4 }
    }

    private mutating func drawSquares(_ x: Int, _ y: Int, radius: Int, _ isDark: (Int) -> Bool) {
        for down in -radius...radius {
            for right in -radius...radius { set(x + right, y + down, isDark(max(abs(right), abs(down)))) }
        }
    }

    /// The centres of the alignment patterns, on both axes.
    private var alignmentPlaces: [Int] {
        switch version {
        case 1: []
        case 2...6: [6, size - 7]
        default: [6, (size - 1) / 2 - (size - 1) / 2 % 2, size - 7]
        }
    }

    private mutating func drawFormat(mask: Int) {
        // Level M is 0, so the format information is the mask alone.
        var rest = mask
        for _ in 0..<10 { rest = rest << 1 ^ (rest >> 9) * 0x537 }
        let bits = (mask << 10 | rest) ^ 0x5412
        for bit in 0..<15 {
            let isDark = bits >> bit & 1 == 1
            switch bit {
            case 0...5: set(8, bit, isDark)
            case 6...7: set(8, bit + 1, isDark)
            case 8: set(7, 8, isDark)
            default: set(14 - bit, 8, isDark)
            }
            if bit < 8 { set(size - 1 - bit, 8, isDark) } else { set(8, size - 15 + bit, isDark) }
        }
        set(8, size - 8, true)
    }

    private mutating func drawVersion() {
        guard version >= 7 else { return }
        var rest = version
        for _ in 0..<12 { rest = rest << 1 ^ (rest >> 11) * 0x1F25 }
        let bits = version << 12 | rest
        for bit in 0..<18 {
            let (far, near) = (size - 11 + bit % 3, bit / 3)
            set(far, near, bits >> bit & 1 == 1)
            set(near, far, bits >> bit & 1 == 1)
        }
    }

    // MARK: Data

    /// Draws two columns at a time from the right, alternately up and down, around the patterns.
    private mutating func drawData(_ bytes: [UInt8]) {
        var bit = 0
        for right in stride(from: size - 1, through: 1, by: -2).map({ $0 <= 6 ? $0 - 1 : $0 }) {
            let isUpward = (right + 1) & 2 == 0
            for step in 0..<size {
                let y = isUpward ? size - 1 - step : step
                for x in [right, right - 1] where !isPattern[y * size + x] && bit < bytes.count * 8 {
                    modules[y * size + x] = bytes[bit / 8] >> (7 - bit % 8) & 1 == 1
                    bit += 1
                }
            }
        }
    }

    // MARK: Masks

    /// Applies the mask, out of eight, that is easiest to read.
    private mutating func mask() {
        let candidates = (0..<8).map { number in
            var candidate = self
            candidate.apply(mask: number)
            candidate.drawFormat(mask: number)
            return candidate
        }
        if let best = candidates.min(by: { $0.penalty < $1.penalty }) { self = best }
    }

    private mutating func apply(mask: Int) {
        for y in 0..<size {
            for x in 0..<size where !isPattern[y * size + x] && Self.inverts(mask, x, y) {
                modules[y * size + x].toggle()
            }
        }
    }

    private static func inverts(_ mask: Int, _ x: Int, _ y: Int) -> Bool {
        switch mask {
        case 0: (x + y) % 2 == 0
        case 1: y % 2 == 0
        case 2: x % 3 == 0
        case 3: (x + y) % 3 == 0
        case 4: (x / 3 + y / 2) % 2 == 0
        case 5: x * y % 2 + x * y % 3 == 0
        case 6: (x * y % 2 + x * y % 3) % 2 == 0
        default: ((x + y) % 2 + x * y % 3) % 2 == 0
        }
    }

    /// How hard the code is to read: long runs, blocks, finder-like patterns, and an excess of one colour (section
    /// 7.8.3).
    private var penalty: Int {
        var penalty = abs(modules.count(where: \.self) * 20 - modules.count * 10) / modules.count * 10
        for place in 0..<size {
            let row = (0..<size).map { self[$0, place] }
            let column = (0..<size).map { self[place, $0] }
            penalty += Self.penalty(ofLine: row) + Self.penalty(ofLine: column)
        }
        for y in 0..<(size - 1) {
            for x in 0..<(size - 1) {
                let colour = self[x, y]
                if colour == self[x + 1, y], colour == self[x, y + 1], colour == self[x + 1, y + 1] { penalty += 3 }
            }
        }
        return penalty
    }

    private static let finder = [true, false, true, true, true, false, true]
    private static let finders = [finder + [false, false, false, false], [false, false, false, false] + finder]

    private static func penalty(ofLine line: [Bool]) -> Int {
        var penalty = 0
        var run = 0
        for place in line.indices {
            run = place > 0 && line[place] == line[place - 1] ? run + 1 : 1
            if run == 5 { penalty += 3 } else if run > 5 { penalty += 1 }
            let next = line[place...].prefix(11)
            if finders.contains(where: { next.elementsEqual($0) }) { penalty += 40 }
        }
        return penalty
    }
}
