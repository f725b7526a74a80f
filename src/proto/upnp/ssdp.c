#include "proto/upnp/ssdp.h"

#include "base/writer.h"

/* The line at the start of *text without its CR LF; false: there is none. */
static bool line_next(struct span *text, struct span *ret)
{
	size_t end = span_find(*text, '\n');
	if (end == text->len || end == 0 || text->data[end - 1] != '\r')
		return false;
	*ret = span_sub(*text, 0, end - 1);
	*text = span_sub(*text, end + 1, text->len);
	return true;
}

static bool is_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < 0x20 || s.data[i] > 0x7e)
			return false;
	return true;
}

struct fields {
	struct ssdp_search search;
	bool man;
};

static bool field_read(struct span line, struct fields *f)
{
	size_t colon = span_find(line, ':');
	struct span name = span_sub(line, 0, colon);
	struct span value = span_trim(span_sub(line, colon + 1, line.len));
	uint64_t mx;
	if (colon == line.len || colon == 0)
		return false;
	if (span_equal_nocase(name, span_text("MAN"))) {
		/* UDA 2.0 1.3.2: "MUST be ssdp:discover in double quotes"; some forget the quotes.
		 */
		f->man = span_is(value, "\"ssdp:discover\"") || span_is(value, "ssdp:discover");
		return f->man;
	}
	if (span_equal_nocase(name, span_text("MX"))) {
		if (!span_to_u64(value, UINT32_MAX, &mx) || mx == 0)
			return false;
		f->search.mx_s = mx > SSDP_MX_MAX ? SSDP_MX_MAX : (unsigned)mx;
	}
	if (span_equal_nocase(name, span_text("ST"))) {
		if (f->search.target.len || !value.len || !is_printable(value))
			return false;
		f->search.target = value;
	}
	return true;
}

enum err ssdp_search_read(struct span datagram, struct ssdp_search *ret)
{
	struct fields f = {0};
	struct span line;
	if (datagram.len > SSDP_DATAGRAM_MAX || !line_next(&datagram, &line))
		return ERR_FORMAT;
	if (span_is(line, "NOTIFY * HTTP/1.1") || span_is(line, "HTTP/1.1 200 OK"))
		return ERR_UNSUPPORTED;
	if (!span_is(line, "M-SEARCH * HTTP/1.1"))
		return ERR_FORMAT;
	for (size_t n = 0; n < SSDP_HEADERS_MAX; n++) {
		if (!line_next(&datagram, &line))
			return ERR_FORMAT;
		if (line.len == 0) {
			if (!f.man || !f.search.target.len)
				return ERR_FORMAT;
			*ret = f.search;
			return OK;
		}
		if (!field_read(line, &f))
			return ERR_FORMAT;
	}
	return ERR_FORMAT;
}

static void write_field(struct writer *w, const char *name, const char *value)
{
	write_format(w, "%s: %s\r\n", name, value);
}

static void write_ids(struct writer *w, const struct ssdp_notice *n)
{
	write_format(w, "BOOTID.UPNP.ORG: %u\r\nCONFIGID.UPNP.ORG: %u\r\n\r\n", n->boot_id,
		     n->config_id);
}

void ssdp_write_answer(struct writer *w, const struct ssdp_notice *n)
{
	write_text(w, "HTTP/1.1 200 OK\r\n");
	write_format(w, "CACHE-CONTROL: max-age=%u\r\nEXT:\r\n", n->max_age_s);
	write_field(w, "LOCATION", n->location);
	write_field(w, "SERVER", n->server);
	write_field(w, "ST", n->type);
	write_field(w, "USN", n->usn);
	write_ids(w, n);
}

void ssdp_write_notify(struct writer *w, const struct ssdp_notice *n, const char *host, bool alive)
{
	write_text(w, "NOTIFY * HTTP/1.1\r\n");
	write_field(w, "HOST", host);
	if (alive) {
		write_format(w, "CACHE-CONTROL: max-age=%u\r\n", n->max_age_s);
		write_field(w, "LOCATION", n->location);
		write_field(w, "SERVER", n->server);
	}
	write_field(w, "NT", n->type);
	write_field(w, "NTS", alive ? "ssdp:alive" : "ssdp:byebye");
	write_field(w, "USN", n->usn);
	write_ids(w, n);
}
