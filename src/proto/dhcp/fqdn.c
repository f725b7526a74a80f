#include "proto/dhcp/fqdn.h"

#include "base/reader.h"

enum {
	FLAGS_KNOWN = DHCP_FQDN_S | DHCP_FQDN_O | DHCP_FQDN_E | DHCP_FQDN_N,
};

/* Labels in wire form; without the final root label the name is partial (RFC 4702 2.3.1). */
static enum err read_wire(struct span wire, struct dhcp_fqdn *f)
{
	uint8_t closed[DNS_NAME_MAX];
	struct writer w = writer_of(closed, sizeof(closed));
	if (dns_name_from_wire(wire, &f->name) == OK)
		return OK;
	/* What a client meant that sends labels alone shows when the root is put behind them. */
	write_span(&w, wire);
	write_u8(&w, 0);
	if (w.bad || dns_name_from_wire(writer_span(&w), &f->name))
		return ERR_FORMAT;
	f->partial = true;
	return OK;
}

/* RFC 4702 2.3.2 (deprecated): text; a final dot says that it is whole. */
static enum err read_ascii(struct span text, struct dhcp_fqdn *f)
{
	/* Some clients count a NUL. */
	if (text.len && text.data[text.len - 1] == 0)
		text.len--;
	f->partial = text.len == 0 || text.data[text.len - 1] != '.';
	if (text.len == 0) {
		f->name = DNS_NAME_ROOT;
		return OK;
	}
	/* No escapes: a client's backslash is no part of a host name. */
	if (span_find(text, '\\') != text.len || dns_name_from_text(text, NULL, &f->name))
		return ERR_FORMAT;
	return OK;
}

enum err dhcp_fqdn_read(struct span option, struct dhcp_fqdn *ret)
{
	struct reader r = reader_of_span(option);
	struct dhcp_fqdn f = {.flags = read_u8(&r) & FLAGS_KNOWN, .rcode = DHCP_FQDN_RCODE};
	reader_skip(&r, 2); /* RFC 4702 2.2: clients and servers ignore what they receive there */
	struct span name = read_span(&r, reader_left(&r));
	TRY(reader_check(&r));
	/* RFC 4702 2.1: 'If the "N" bit is 1, the "S" bit MUST be 0.' */
	if (f.flags & DHCP_FQDN_N && f.flags & DHCP_FQDN_S)
		return ERR_FORMAT;
	if (f.flags & DHCP_FQDN_E)
		TRY(read_wire(name, &f));
	else
		TRY(read_ascii(name, &f));
	*ret = f;
	return OK;
}

void dhcp_fqdn_write(struct writer *w, const struct dhcp_fqdn *f)
{
	write_u8(w, f->flags & FLAGS_KNOWN);
	write_u8(w, f->rcode);
	write_u8(w, f->rcode);
	struct span wire = dns_name_span(&f->name);
	if (f->flags & DHCP_FQDN_E) {
		write_span(w, f->partial ? span_sub(wire, 0, wire.len - 1) : wire);
		return;
	}
	char text[DNS_NAME_TEXT_MAX];
	struct span ascii = span_text(dns_name_format(&f->name, text));
	if (f->partial)
		ascii.len--; /* the final dot */
	write_span(w, ascii);
}
