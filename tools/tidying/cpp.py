"""Just enough C++ reading for tidy: code without comments and literals, and where functions lie.

Everything keeps its line: the blanked text has exactly the line breaks of the original.
"""
import re

_TOKEN = re.compile(
    r'//(?:\\\n|[^\n])*'                                        # line comment
    r'|/\*.*?\*/'                                              # block comment
    r'|(?:u8|[uUL])?R"(?P<raw>[^()\\\s]{0,16})\(.*?\)(?P=raw)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",                    # a character, not a digit separator
    re.DOTALL)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\b.*$', re.MULTILINE)
_DIRECTIVE = re.compile(r'^[ \t]*#(?:\\\n|[^\n])*', re.MULTILINE)
_TABLE_ROW = re.compile(r'^\s*case [^;\n]*:(?: return [^;\n]*;)?\s*$', re.MULTILINE)
_MEMBER_GOES_ON = re.compile(r'\s*[,{]')
_ACCESS = re.compile(r'(?:\s*(?:public|private|protected)\s*:)*')
_ATTRIBUTE = re.compile(r'__attribute__\s*\(\(.*?\)\)|\[\[.*?\]\]|alignas\s*\([^)]*\)')
_INITIALISER = re.compile(r'(?<![=!<>+\-*/|&^%r])=(?!=)')
_PARENTHESES = re.compile(r'\([^()]*\)')


def _blank(text):
    return re.sub(r'[^\n]', ' ', text)


def code_of(text):
    """`text` without comments and with empty literals; includes keep their path."""
    def replace(match):
        token = match[0]
        if token.startswith('/'):
            return _blank(token)
        line = text.rfind('\n', 0, match.start()) + 1
        if _INCLUDE.match(text, line):
            return token
        return '"' + _blank(token[1:-1]) + '"' if token[0] in '"\'' else '""' + _blank(token[2:])
    return _TOKEN.sub(replace, text)


def _is_function(header):
    """Whether the text before a brace at namespace or class level heads a function."""
    flat = header
    while (shorter := _PARENTHESES.sub('@', flat)) != flat:
        flat = shorter
    if '@' not in flat or re.match(r'\s*(if|for|while|switch)\b', flat):
        return False
    if _INITIALISER.search(re.sub(r'operator\s*[=!<>]+', '', flat)):
        return bool(re.search(r'=\s*\[[^\]]*\]', flat))      # a lambda that is given a name
    before = flat.split('@')[0]
    return not re.search(r'\b(class|struct|union|enum)\b[^@]*$', before)


def functions_of(text):
    """[(name, first line, size)] of the functions with a body, the lambdas in them included.

    The size leaves out rows of a table: cases that return on the same line, or fall through.
    """
    code = _DIRECTIVE.sub(lambda match: _blank(match[0]), code_of(text))
    lines = code.splitlines()
    found, stack = [], []          # stack: (is function, where its header starts, header)
    start = inside = depth = 0
    for match in re.finditer(r'[{}();]', code):
        mark, at = match[0], match.start()
        if mark in '()' or depth:      # braces within parentheses head nothing
            depth += (0 if inside else (mark == '(') - (mark == ')'))
            continue
        if mark == '{':
            start = _ACCESS.match(code, start, at).end()
            header = code[start:at]
            function = not inside and _is_function(header)
            stack.append((function, start, header))
            inside += function
        elif mark == '}' and stack:
            function, header_start, header = stack.pop()
            inside -= function
            if function and _MEMBER_GOES_ON.match(code, at + 1):
                start = header_start      # the braces initialised a member; the body follows
                continue
            if function:
                lead = len(header) - len(header.lstrip())
                line = code.count('\n', 0, header_start + lead) + 1
                size = code.count('\n', 0, at) + 2 - line
                body = '\n'.join(lines[line - 1:line - 1 + size])
                found.append((_name(header), line, size - len(_TABLE_ROW.findall(body))))
        if not inside:
            start = at + 1
    return found


def _name(header):
    flat = re.sub(r'^\s*template\s*<[^(]*?>\s*(?=\w)', '', _ATTRIBUTE.sub('', header))
    if test := re.match(r'\s*(?:TEST|TEST_F|TEST_P)\s*\(([^)]*)\)', flat):
        return test[1].replace(' ', '').replace(',', '.')
    name = re.search(r'([~\w:]+|operator\s*[^\s(]+)\s*\(', flat)
    return name[1] if name else 'function'
