#include "policy/path.h"

#include "base/siphash.h"
#include "base/writer.h"

/* What has a meaning, in place of octets that no address has unescaped. */
enum { STAR = 1, BORDER = 2, END = 3 };

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	uint8_t lower = c | 0x20;
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* ---- texts ---- */

/* 0: none that may be here. */
static uint8_t octet_of(struct span text, size_t *at)
{
	uint8_t c = text.data[(*at)++];
	if (c == '*')
		return STAR;
	if (c == '^')
		return BORDER;
	if (c == '|' && *at == text.len)
		return END;
	if (c <= ' ' || c == 0x7f || c == '#')
		return 0;
	if (c != '%' || text.len - *at < 2 || hex(text.data[*at]) < 0 ||
	    hex(text.data[*at + 1]) < 0)
		return c;
	c = (uint8_t)(hex(text.data[*at]) << 4 | hex(text.data[*at + 1]));
	*at += 2;
	return c <= END ? 0 : c;
}

bool policy_path_read(struct span text, unsigned flags, uint8_t room[POLICY_PATH_MAX],
		      struct span *ret)
{
	size_t n = 0;
	room[n++] = (uint8_t)flags;
	for (size_t at = 0; at < text.len;) {
		uint8_t c = octet_of(text, &at);
		if (c == 0)
			return false;
		/* Readings have one slash where there are several. */
		if (n > 1 && (c == '/' || c == STAR) && room[n - 1] == c)
			continue;
		if (n == POLICY_PATH_MAX)
			return false;
		room[n++] = c;
	}
	*ret = span_of(room, n);
	return policy_path_is_valid(*ret);
}

bool policy_path_is_valid(struct span path)
{
	unsigned stars = 0;
	if (path.len < 2 || path.len > POLICY_PATH_MAX || path.data[0] & ~POLICY_PATH_FLAGS ||
	    (path.data[1] != '/' && path.data[1] != BORDER))
		return false;
	for (size_t i = 1; i < path.len; i++) {
		stars += path.data[i] == STAR;
		if (path.data[i] == 0 || (path.data[i] == END && i + 1 < path.len))
			return false;
	}
	return stars <= POLICY_PATH_STARS_MAX;
}

bool policy_path_has_stars(struct span path)
{
	struct span text = span_sub(path, 1, path.len);
	return span_find(text, STAR) + 1 < text.len;
}

void policy_path_write(struct span path, struct writer *w)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 1; i < path.len; i++) {
		uint8_t c = path.data[i];
		if (c <= END && c) {
			write_u8(w, (uint8_t) " *^|"[c]);
		} else if (c <= ' ' || c >= 0x7f || strchr("*^|%#$\"\\", c)) {
			write_u8(w, '%');
			write_u8(w, (uint8_t)digits[c >> 4]);
			write_u8(w, (uint8_t)digits[c & 15]);
		} else {
			write_u8(w, c);
		}
	}
}

/* ---- anchors ---- */

struct span policy_path_anchor(struct span path)
{
	size_t end = 0;
	unsigned slashes = 0;
	if (path.data[1] == BORDER)
		return span_text("/"); /* it stands for the slash that all begin with */
	for (size_t i = 1; i < path.len && path.data[i] > END; i++)
		if (path.data[i] == '/' && slashes++ < POLICY_PATH_ANCHOR_SLASHES)
			end = i;
	return span_of(path.data + 1, end);
}

void policy_path_label(struct span anchor, uint8_t ret[POLICY_PATH_LABEL_LEN])
{
	/* Not seeded: anchors of one hash share a record, in which each line has its own text. */
	static const uint8_t key[16] = "gatehouse paths";
	uint8_t folded[POLICY_PATH_MAX];
	size_t len = anchor.len < sizeof(folded) ? anchor.len : sizeof(folded);
	for (size_t i = 0; i < len; i++)
		folded[i] = lower(anchor.data[i]);
	uint64_t h = siphash13(key, folded, len);
	ret[0] = POLICY_PATH_LABEL_LEN - 1;
	ret[1] = '/';
	for (size_t i = 2; i < POLICY_PATH_LABEL_LEN; i++, h >>= 5)
		ret[i] = (uint8_t) "0123456789abcdefghijklmnopqrstuv"[h & 31];
}

/* ---- comparison ---- */

static bool is_border(uint8_t c)
{
	uint8_t l = lower(c);
	return !((l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		 c == '.' || c == '%');
}

static bool is_one(uint8_t p, uint8_t c, bool exact)
{
	if (p == BORDER)
		return is_border(c);
	return p > END && (exact ? p == c : lower(p) == lower(c));
}

/* Of the pattern's rest, when the text has ended. */
static bool ends(struct span p, size_t g)
{
	while (g < p.len && p.data[g] <= END)
		g++;
	return g == p.len;
}

enum policy_path_fit policy_path_fits(struct span path, struct span reading, bool secure,
				      uint32_t *steps)
{
	const unsigned flags = path.data[0];
	const struct span p = span_sub(path, 1, path.len);
	size_t g = 0, at = 0, star = SIZE_MAX, from = 0;
	if (flags & (secure ? POLICY_PATH_CLEAR : POLICY_PATH_SECURE))
		return POLICY_PATH_FITS_NOT;
	/* Back to the last star when it does not go on: a star takes what it must, never less. */
	while (g < p.len && at < reading.len) {
		if (*steps == 0)
			return POLICY_PATH_UNSURE;
		(*steps)--;
		if (p.data[g] == STAR) {
			star = g++;
			from = at;
		} else if (is_one(p.data[g], reading.data[at], flags & POLICY_PATH_CASE)) {
			g++;
			at++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			at = ++from;
		} else {
			return POLICY_PATH_FITS_NOT;
		}
	}
	return g == p.len || ends(p, g) ? POLICY_PATH_FITS : POLICY_PATH_FITS_NOT;
}
