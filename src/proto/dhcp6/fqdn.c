#include "proto/dhcp6/fqdn.h"

#include "base/writer.h"
#include "proto/dhcp6/message.h"

/* RFC 4704 4.2: "a partial name … is not terminated by a zero-length label": labels to the end. */
static enum err read_partial(struct reader *r, struct dns_name *ret)
{
	struct dns_name name = {0};
	while (reader_left(r)) {
		uint8_t len = read_u8(r);
		struct span label = read_span(r, len);
		if (r->bad || len == 0 || len > DNS_LABEL_MAX ||
		    name.len + 1u + len + 1u > DNS_NAME_MAX)
			return ERR_FORMAT;
		name.wire[name.len++] = len;
		dns_octets_lower(name.wire + name.len, label.data, len);
		name.len = (uint8_t)(name.len + len);
	}
	name.wire[name.len++] = 0;
	*ret = name;
	return OK;
}

enum err dhcp6_fqdn_read(struct span body, struct dhcp6_fqdn *ret)
{
	struct reader r = reader_of_span(body);
	struct dhcp6_fqdn f = {.flags = read_u8(&r)};
	TRY(reader_check(&r));
	/* RFC 4704 4.1: "the remaining bits … MUST be ignored". */
	f.flags &= DHCP6_FQDN_S | DHCP6_FQDN_O | DHCP6_FQDN_N;
	if (f.flags & DHCP6_FQDN_S && f.flags & DHCP6_FQDN_N)
		return ERR_FORMAT;
	f.partial = body.data[body.len - 1] != 0 || body.len == 1;
	if (f.partial) {
		TRY(read_partial(&r, &f.name));
	} else {
		TRY(dns_name_read_plain(&r, &f.name));
		dns_name_lower(&f.name);
	}
	TRY(reader_end(&r));
	*ret = f;
	return OK;
}

void dhcp6_write_fqdn(struct writer *w, const struct dhcp6_fqdn *f)
{
	size_t at = dhcp6_option_begin(w, DHCP6_OPT_CLIENT_FQDN);
	write_u8(w, f->flags);
	write_bytes(w, f->name.wire, f->partial ? (size_t)f->name.len - 1 : f->name.len);
	dhcp6_option_end(w, at);
}
