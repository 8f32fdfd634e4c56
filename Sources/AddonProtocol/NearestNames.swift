/// Returns at most three names of which `name` may be a typo, nearest first.
public func nearestNames(to name: String, among names: [String]) -> [String] {
    let bound = max(2, name.count / 3)
    // Bounds the distance, since a short name is near to almost every other.
    let near = names.map { ($0, editDistance(name, $0, atMost: bound)) }
        .filter { $0.1 <= min(bound, $0.0.count / 2) || (name.count > 2 && $0.0.contains(name)) }
    return near.sorted { $0.1 < $1.1 }.prefix(3).map(\.0)
}

/// The Levenshtein distance of two names; `bound + 1` when their lengths differ by more than `bound`.
private func editDistance(_ left: String, _ right: String, atMost bound: Int) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    guard abs(left.count - right.count) <= bound else { return bound + 1 }
    var row = Array(0...right.count)
    for (line, leftByte) in left.enumerated() {
        var diagonal = row[0]
        row[0] = line + 1
        for (column, rightByte) in right.enumerated() {
            let substituted = diagonal + (leftByte == rightByte ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(substituted, row[column] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
