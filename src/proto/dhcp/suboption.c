#include "proto/dhcp/suboption.h"

enum { SUBOPTION_PAD = 0, SUBOPTION_END = 255 };

bool dhcp_suboption_next(struct reader *r, struct dhcp_suboption *ret)
{
	if (reader_left(r) == 0)
		return false;
	uint8_t code = read_u8(r);
	uint8_t len = read_u8(r);
	struct span value = read_span(r, len);
	if (r->bad)
		return false;
	*ret = (struct dhcp_suboption){.code = code, .value = value};
	return true;
}

bool dhcp_vendor_suboption_next(struct reader *r, struct dhcp_suboption *ret)
{
	struct reader at = *r;
	while (reader_left(&at)) {
		uint8_t code = read_u8(&at);
		if (code == SUBOPTION_END)
			break;
		if (code != SUBOPTION_PAD)
			return dhcp_suboption_next(r, ret);
		*r = at;
	}
	reader_skip_all(r);
	return false;
}

bool dhcp_suboption_find(struct span list, uint8_t code, struct span *ret)
{
	struct reader r = reader_of_span(list);
	struct dhcp_suboption s;
	struct span value = {0};
	bool found = false;
	while (dhcp_suboption_next(&r, &s)) {
		if (s.code == code && !found) {
			value = s.value;
			found = true;
		}
	}
	if (!found || r.bad)
		return false;
	*ret = value;
	return true;
}

void dhcp_suboption_write(struct writer *w, uint8_t code, struct span value)
{
	if (value.len > UINT8_MAX) {
		w->bad = true;
		return;
	}
	write_u8(w, code);
	write_u8(w, (uint8_t)value.len);
	write_span(w, value);
}

bool dhcp_item_next(struct reader *r, struct span *ret)
{
	if (reader_left(r) == 0)
		return false;
	uint8_t len = read_u8(r);
	struct span value = read_span(r, len);
	if (r->bad)
		return false;
	*ret = value;
	return true;
}

void dhcp_item_write(struct writer *w, struct span value)
{
	if (value.len > UINT8_MAX) {
		w->bad = true;
		return;
	}
	write_u8(w, (uint8_t)value.len);
	write_span(w, value);
}

bool dhcp_enterprise_next(struct reader *r, struct dhcp_enterprise *ret)
{
	if (reader_left(r) == 0)
		return false;
	uint32_t number = read_u32(r);
	uint8_t len = read_u8(r);
	struct span data = read_span(r, len);
	if (r->bad)
		return false;
	*ret = (struct dhcp_enterprise){.number = number, .data = data};
	return true;
}

enum err dhcp_enterprise_join(struct span option, uint32_t number, struct writer *w)
{
	struct reader r = reader_of_span(option);
	struct dhcp_enterprise e;
	bool found = false;
	while (dhcp_enterprise_next(&r, &e)) {
		if (e.number != number)
			continue;
		write_span(w, e.data);
		found = true;
	}
	TRY(reader_end(&r));
	TRY(writer_check(w));
	return found ? OK : ERR_ABSENT;
}

void dhcp_enterprise_write(struct writer *w, uint32_t number, struct span data)
{
	if (data.len > UINT8_MAX) {
		w->bad = true;
		return;
	}
	write_u32(w, number);
	dhcp_item_write(w, data);
}
