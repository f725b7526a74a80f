#include "proto/qr/qr.h"

#include "base/writer.h"
#include "crypto/secret.h"

#include <qrencode.h>

enum { DARK = 1 }; /* the lowest bit of a module, in the library's words */

bool qr_is_dark(const struct qr *q, unsigned x, unsigned y)
{
	if (x >= q->side || y >= q->side)
		return false;
	unsigned at = y * q->side + x;
	return q->dark[at / 8] >> at % 8 & 1;
}

enum err qr_encode(struct span text, struct qr *ret)
{
	if (text.len == 0)
		return ERR_FORMAT;
	if (text.len > QR_TEXT_MAX)
		return ERR_LIMIT;
	QRcode *code = QRcode_encodeData((int)text.len, text.data, 0, QR_ECLEVEL_M);
	if (!code)
		return errno == ERANGE ? ERR_LIMIT : ENOMEM;
	struct qr q = {.side = (uint8_t)code->width};
	unsigned modules = (unsigned)code->width * (unsigned)code->width;
	ASSERT(code->width <= QR_SIDE_MAX);
	for (unsigned i = 0; i < modules; i++)
		if (code->data[i] & DARK)
			q.dark[i / 8] |= (uint8_t)(1 << i % 8);
	crypto_wipe(code->data, modules);
	QRcode_free(code);
	*ret = q;
	qr_done(&q);
	return OK;
}

void qr_write_svg(const struct qr *q, const char *title, struct writer *w)
{
	unsigned all = q->side + 2 * QR_QUIET;
	write_format(w,
		     "<svg class=\"qr\" role=\"img\" viewBox=\"0 0 %u %u\" "
		     "xmlns=\"http://www.w3.org/2000/svg\" shape-rendering=\"crispEdges\">"
		     "<title>%s</title><path fill=\"#fff\" d=\"M0 0h%uv%uH0z\"/>"
		     "<path fill=\"#000\" d=\"",
		     all, all, title, all, all);
	for (unsigned y = 0; y < q->side; y++)
		for (unsigned x = 0, run; x < q->side; x += run ? run : 1) {
			for (run = 0; qr_is_dark(q, x + run, y); run++)
				;
			if (run)
				write_format(w, "M%u %uh%uv1H%uz", x + QR_QUIET, y + QR_QUIET, run,
					     x + QR_QUIET);
		}
	write_text(w, "\"/></svg>");
}

void qr_done(struct qr *q)
{
	if (q)
		crypto_wipe(q, sizeof(*q));
}
