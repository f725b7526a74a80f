#include "policy/pattern.h"

#include "policy/policy.h"

static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static struct span unbound(struct span text)
{
	return text.len && text.data[0] == '|' ? span_sub(text, 1, text.len) : text;
}

bool policy_pattern_is_valid(struct span text)
{
	struct span t = unbound(text);
	unsigned stars = 0;
	if (t.len == 0 || text.len > POLICY_PATTERN_MAX || t.data[0] == '.')
		return false;
	for (size_t i = 0; i < t.len; i++) {
		uint8_t c = t.data[i];
		stars += c == '*';
		if (!is_plain(c) && c != '*' && c != '.')
			return false;
		if (c == '.' && (i + 1 == t.len || t.data[i + 1] == '.'))
			return false;
	}
	return stars >= 1 && stars <= POLICY_STARS_MAX;
}

struct span policy_pattern_end(struct span text)
{
	size_t star = text.len;
	while (star && text.data[star - 1] != '*')
		star--;
	struct span rest = span_sub(text, star, text.len);
	return span_sub(rest, span_find(rest, '.') + 1, rest.len);
}

/* Back to the last star when it does not go on: a star takes what it must, and never less. */
static bool matches(struct span glob, struct span s)
{
	size_t g = 0, at = 0, star = SIZE_MAX, from = 0;
	while (at < s.len) {
		if (g < glob.len && glob.data[g] == '*') {
			star = g++;
			from = at;
		} else if (g < glob.len && glob.data[g] == s.data[at]) {
			g++;
			at++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			at = ++from;
		} else {
			return false;
		}
	}
	while (g < glob.len && glob.data[g] == '*')
		g++;
	return g == glob.len;
}

bool policy_glob_matches(struct span glob, struct span text)
{
	return matches(glob, text);
}

bool policy_pattern_matches(struct span text, struct span name)
{
	struct span glob = unbound(text);
	if (matches(glob, name))
		return true;
	if (glob.data != text.data)
		return false;
	/* From a label on: as if `*.` stood before it. */
	uint8_t room[POLICY_PATTERN_MAX + 2] = {'*', '.'};
	memcpy(room + 2, glob.data, glob.len); /* at most POLICY_PATTERN_MAX: it is valid */
	return matches(span_of(room, glob.len + 2), name);
}
