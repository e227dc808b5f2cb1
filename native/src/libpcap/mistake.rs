//! Where a filter expression is wrong, which libpcap does not say.

/// What may complete an expression that is cut off behind a word.
const ENDINGS: [&str; 13] = [
    "",
    " 1",
    " 192.0.2.1",
    " 02:00:00:00:00:01",
    " 1-2",
    " tcp",
    " host 192.0.2.1",
    " = 1",
    " mgt",
    " beacon",
    " nods",
    " pass",
    " match",
];
/// Longer expressions are not looked into: every word costs some compilations.
const LONGEST: usize = 1000;

/// The first word (begin and end in octets) up to which no ending makes an expression of what is there, or the end of the
/// expression when there is something missing. `is_valid` says what compiles. None where that would be guessing.
pub fn find_mistake(expression: &str, is_valid: impl Fn(&str) -> bool) -> Option<(usize, usize)> {
    // Offsets and sums have too many ways to go on.
    if expression.len() > LONGEST || expression.contains(['[', ']', '\\']) {
        return None;
    }
    for (start, end) in words(expression) {
        let begun = &expression[..end];
        let closing = ")".repeat(open_parentheses(begun));
        if !ENDINGS
            .iter()
            .any(|ending| is_valid(&format!("{begun}{ending}{closing}")))
        {
            return Some((start, end));
        }
    }
    Some((expression.len(), expression.len()))
}

/// Words and parentheses.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices() {
        let is_alone = matches!(character, '(' | ')');
        if let (Some(begin), true) = (start, is_alone || character.is_whitespace()) {
            found.push((begin, at));
            start = None;
        }
        if is_alone {
            found.push((at, at + 1));
        } else if !character.is_whitespace() && start.is_none() {
            start = Some(at);
        }
    }
    found.extend(start.map(|begin| (begin, text.len())));
    found
}

/// Those more are closed than were opened are a mistake in any case.
fn open_parentheses(text: &str) -> usize {
    let count = |which: char| text.chars().filter(|&one| one == which).count();
    count('(').saturating_sub(count(')'))
}

/// The expression with a mark below the mistake.
pub fn show_mistake(expression: &str, (start, end): (usize, usize)) -> String {
    if expression.contains(|character: char| character.is_control()) {
        return String::new();
    }
    let before = expression[..start].chars().count();
    let wide = expression[start..end].chars().count().max(1);
    format!("\n  {expression}\n  {}{}", " ".repeat(before), "^".repeat(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A language of `tcp`, `not`, `and`, `port N` and parentheses.
    fn is_valid(text: &str) -> bool {
        let mut depth = 0;
        let mut wants = "term";
        for (start, end) in words(text) {
            wants = match (wants, &text[start..end]) {
                ("term", "not") => "term",
                ("term", "(") => {
                    depth += 1;
                    "term"
                }
                ("term", "tcp") => "and",
                ("term", "port") => "number",
                ("number", number) if number.parse::<u16>().is_ok() => "and",
                ("and", "and") => "term",
                ("and", ")") if depth > 0 => {
                    depth -= 1;
                    "and"
                }
                _ => return false,
            };
        }
        depth == 0 && (wants == "and" || text.trim().is_empty())
    }

    fn shown(expression: &str) -> Option<String> {
        find_mistake(expression, is_valid).map(|place| show_mistake(expression, place))
    }

    #[test]
    fn the_word_that_cannot_stand_there_is_found() {
        let marked =
            |expression: &str, mark: &str| assert_eq!(shown(expression), Some(format!("\n  {expression}\n  {mark}")));
        marked("tcp and and port 80", "        ^^^");
        marked("not port http", "         ^^^^");
        marked("tcp and (port 80 port 81)", "                 ^^^^");
        marked("tcp and (port 80", "                ^");
        marked("port", "    ^");
        marked("tcp) and tcp", "   ^");
        marked("täp and tcp", "^^^");
    }

    #[test]
    fn it_does_not_guess() {
        assert_eq!(shown("tcp[13] == and"), None);
        assert_eq!(shown(&"x".repeat(2000)), None);
        assert_eq!(show_mistake("tcp\nx", (4, 5)), "");
    }
}
