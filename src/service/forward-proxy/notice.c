#include "service/forward-proxy/notice.h"

#include "proto/http/date.h"

enum word { TITLE, WHAT, MINE, NOT_MINE, INSTALL, CHECK, PRINT, END, CONTACT, WORDS };

static const char *const words[PAGE_LANGUAGES][WORDS] = {
	[PAGE_ENGLISH] =
		{"This proxy inspects TLS",
		 "For some of its clients this proxy decrypts what they exchange with servers by "
		 "HTTPS, judges it by the rules of this site, and encrypts it anew. Servers are "
		 "checked as a browser checks them before anything is answered. Pages that are "
		 "inspected show a certificate by the authority below.",
		 "Yours is inspected.", "Yours is not inspected.",
		 "A device whose connections are inspected needs this authority: "
		 "<a href=\"/authority.crt\">authority.crt</a> (DER, for phones and browsers), "
		 "<a href=\"/authority.pem\">authority.pem</a> (PEM).",
		 "Compare the fingerprint with what whoever runs this proxy tells you by another "
		 "way, "
		 "and do not install it anywhere else: whoever has its key can stand in for any "
		 "server.",
		 "Fingerprint (SHA-256)", "Valid until", "Whom to ask"},
	[PAGE_KOREAN] = {"이 프록시는 TLS를 검사합니다",
			 "이 프록시는 일부 사용자가 HTTPS로 서버와 주고받는 내용을 풀어서 이 곳의 "
			 "규칙에 따라 "
			 "살펴보고 다시 암호화합니다. 응답하기 전에 브라우저와 같은 방법으로 "
			 "서버를 확인합니다. "
			 "검사되는 페이지는 아래 인증 기관의 인증서를 보여 줍니다.",
			 "당신의 연결은 검사됩니다.", "당신의 연결은 검사되지 않습니다.",
			 "연결이 검사되는 기기에는 이 인증 기관이 필요합니다: "
			 "<a href=\"/authority.crt\">authority.crt</a> (DER, 휴대전화와 브라우저), "
			 "<a href=\"/authority.pem\">authority.pem</a> (PEM).",
			 "프록시 운영자가 다른 경로로 알려 준 지문과 비교하고, 다른 곳에는 "
			 "설치하지 마세요. 이 "
			 "키를 가진 사람은 어떤 서버로든 행세할 수 있습니다.",
			 "지문 (SHA-256)", "유효 기한", "문의"},
};

static void paragraph(struct writer *w, const char *text)
{
	write_text(w, "<p>");
	write_text(w, text);
	write_text(w, "</p>\n");
}

void notice_write(const struct notice *n, struct writer *w)
{
	const char *const *word = words[n->language];
	page_head_write(w, n->language, word[TITLE], n->proxy);
	paragraph(w, word[WHAT]);
	write_format(w, "<p class=\"error\">%s</p>\n", word[n->mine ? MINE : NOT_MINE]);
	paragraph(w, word[INSTALL]);
	paragraph(w, word[CHECK]);
	write_format(w, "<dl><dt>%s</dt><dd><code>%s</code></dd>\n<dt>%s</dt><dd>", word[PRINT],
		     n->fingerprint, word[END]);
	http_date_write(w, n->until_s);
	write_text(w, "</dd>\n");
	if (n->contact.len) {
		write_format(w, "<dt>%s</dt><dd>", word[CONTACT]);
		page_write_words(w, n->contact);
		write_text(w, "</dd>\n");
	}
	write_text(w, "</dl></main></body></html>\n");
}
