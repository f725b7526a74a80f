#include "proto/dhcp/identity.h"

#include "base/decimal.h"
#include "base/reader.h"
#include "base/writer.h"
#include "proto/dhcp/code.h"

enum err dhcp_client_id_read(struct span option, struct dhcp_client_id *ret)
{
	if (option.len < DHCP_CLIENT_ID_MIN || option.len > DHCP_CLIENT_ID_MAX)
		return ERR_FORMAT;
	struct reader r = reader_of_span(option);
	struct dhcp_client_id c = {.kind = DHCP_CLIENT_ID_OPAQUE};
	c.type = read_u8(&r);
	c.value = span_sub(option, 1, option.len);
	if (c.type == DHCP_HTYPE_DUID) {
		uint32_t iaid = read_u32(&r);
		struct span duid = read_span(&r, reader_left(&r));
		if (duid_check(duid) == OK) {
			c.kind = DHCP_CLIENT_ID_DUID;
			c.iaid = iaid;
			c.value = duid;
		}
	} else if (c.type != 0 && (c.type != DHCP_HTYPE_ETHERNET || c.value.len == 6)) {
		/* RFC 2132 9.14: another type is a hardware type; Ethernet's length we know. */
		c.kind = DHCP_CLIENT_ID_HARDWARE;
	}
	*ret = c;
	return OK;
}

void dhcp_client_id_write_duid(struct writer *w, uint32_t iaid, struct span duid)
{
	write_u8(w, DHCP_HTYPE_DUID);
	write_u32(w, iaid);
	write_span(w, duid);
}

void dhcp_client_id_write_hardware(struct writer *w, uint8_t htype, struct span address)
{
	write_u8(w, htype);
	write_span(w, address);
}

static bool is_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] <= ' ' || s.data[i] > '~')
			return false;
	}
	return s.len > 0;
}

void dhcp_client_id_format(struct span option, struct writer *w)
{
	struct dhcp_client_id c;
	if (dhcp_client_id_read(option, &c)) {
		write_text(w, "hex ");
		dhcp_hex_write(w, option);
		return;
	}
	switch (c.kind) {
	case DHCP_CLIENT_ID_HARDWARE: dhcp_hardware_format(c.type, c.value, w); break;
	case DHCP_CLIENT_ID_DUID:
		write_text(w, "duid ");
		duid_write(w, c.value);
		write_text(w, " iaid ");
		write_decimal(w, c.iaid);
		break;
	case DHCP_CLIENT_ID_OPAQUE:
		if (c.type == 0 && is_printable(c.value)) {
			write_text(w, "text ");
			write_span(w, c.value);
		} else {
			write_text(w, "hex ");
			dhcp_hex_write(w, option);
		}
		break;
	}
}

void dhcp_hardware_format(uint8_t htype, struct span address, struct writer *w)
{
	if (htype != DHCP_HTYPE_ETHERNET) {
		write_decimal(w, htype);
		write_text(w, "/");
	}
	dhcp_hex_write(w, address);
}

void dhcp_hex_write(struct writer *w, struct span bytes)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes.len && !w->bad; i++) {
		if (i)
			write_u8(w, ':');
		write_u8(w, (uint8_t)digits[bytes.data[i] >> 4]);
		write_u8(w, (uint8_t)digits[bytes.data[i] & 15]);
	}
}

static int digit_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits at a time; between two pairs always the same separator, or always none. */
static enum err parse_pairs(struct span text, struct writer *w)
{
	uint8_t separator = text.len > 2 && digit_value(text.data[2]) < 0 ? text.data[2] : 0;
	if (separator && separator != ':' && separator != '-')
		return ERR_FORMAT;
	for (size_t i = 0; i < text.len; i += 2) {
		if (separator && i) {
			if (text.data[i] != separator)
				return ERR_FORMAT;
			i++;
		}
		if (i + 2 > text.len)
			return ERR_FORMAT;
		int high = digit_value(text.data[i]), low = digit_value(text.data[i + 1]);
		if (high < 0 || low < 0)
			return ERR_FORMAT;
		write_u8(w, (uint8_t)(high << 4 | low));
	}
	return text.len ? writer_check(w) : ERR_FORMAT;
}

enum err dhcp_hex_parse(struct span text, struct writer *w)
{
	size_t at = w->pos;
	enum err e = parse_pairs(text, w);
	if (e)
		writer_rewind(w, at);
	return e;
}

enum err dhcp_mac_parse(struct span text, uint8_t ret[6])
{
	uint8_t mac[6];
	struct writer w = writer_of(mac, sizeof(mac));
	if (text.len != 17 || dhcp_hex_parse(text, &w) || w.pos != sizeof(mac))
		return ERR_FORMAT;
	memcpy(ret, mac, sizeof(mac));
	return OK;
}
