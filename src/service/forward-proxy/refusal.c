#include "service/forward-proxy/refusal.h"

#include "base/err.h"

static const struct refusal_facts all[REFUSALS] = {
	[REFUSAL_NONE] = {"", 200, NULL, {"", ""}},
	[REFUSAL_ADDRESS] = {"address",
			     400,
			     "http_request_error",
			     {"The address is none that can be gone to, or could be read as two.",
			      "갈 수 있는 주소가 아니거나, 두 가지로 읽힐 수 있는 주소입니다."}},
	[REFUSAL_OWN] = {"own",
			 421,
			 "http_request_error",
			 {"This is a proxy: it has no pages of its own at that address.",
			  "이곳은 프록시입니다. 그 주소에는 프록시의 페이지가 없습니다."}},
	[REFUSAL_SCHEME] =
		{"scheme",
		 501,
		 "http_request_denied",
		 {"This proxy fetches http addresses, and opens tunnels by CONNECT for "
		  "others.",
		  "이 프록시는 http 주소를 가져오고, 다른 주소로는 CONNECT로 터널을 엽니다."}},
	[REFUSAL_PORT] = {"port",
			  403,
			  "http_request_denied",
			  {"The port is not among those that may be gone to.",
			   "허용된 포트가 아닙니다."}},
	[REFUSAL_INSIDE] = {"inside",
			    403,
			    "destination_ip_prohibited",
			    {"The address leads into the inside of a network.",
			     "네트워크의 안쪽으로 이어지는 주소입니다."}},
	[REFUSAL_ABSENT] = {"absent",
			    502,
			    "dns_error",
			    {"There is no such name, or it has no address.",
			     "그런 이름이 없거나, 이름에 주소가 없습니다."}},
	[REFUSAL_UNTOLD] = {"untold",
			    504,
			    "dns_timeout",
			    {"No resolver could tell the name's address.",
			     "이름의 주소를 알아낼 수 없었습니다."}},
	[REFUSAL_BUSY] = {"busy",
			  503,
			  "proxy_internal_response",
			  {"The proxy has no room for this now; try again later.",
			   "프록시에 지금 여유가 없습니다. 잠시 뒤에 다시 시도해 주세요."}},
	[REFUSAL_LOOP] = {"loop",
			  508,
			  "proxy_loop_detected",
			  {"The request came through this proxy again and again.",
			   "요청이 이 프록시를 거듭 지나갔습니다."}},
	[REFUSAL_HOPS] = {"max-forwards",
			  400,
			  "http_request_error",
			  {"Max-Forwards is no number, or is there twice.",
			   "Max-Forwards가 숫자가 아니거나 두 번 있습니다."}},
	[REFUSAL_MEMORY] = {"memory",
			    500,
			    "proxy_internal_error",
			    {"The proxy has no memory for this now; try again later.",
			     "프록시에 지금 메모리가 없습니다. 잠시 뒤에 다시 시도해 주세요."}},
	[REFUSAL_SIGN_IN] = {"sign-in",
			     407,
			     "http_request_denied",
			     {"This proxy wants to know who you are: a name and a password.",
			      "이 프록시를 쓰려면 이름과 비밀번호가 필요합니다."}},
	[REFUSAL_GUESSES] =
		{"guesses",
		 429,
		 "http_request_denied",
		 {"Too many wrong passwords came from your address; try again later.",
		  "이 주소에서 틀린 비밀번호가 너무 많이 왔습니다. 잠시 뒤에 다시 시도해 주세요."}},
	[REFUSAL_CLEAR] =
		{"clear-password",
		 403,
		 "http_request_denied",
		 {"This needs a password, which the proxy takes by TLS only: set it up as "
		  "an https proxy.",
		  "비밀번호가 필요한 곳입니다. 프록시는 비밀번호를 TLS로만 받으니, https 프록시로 "
		  "설정해 주세요."}},
	[REFUSAL_RULE] = {"rule",
			  403,
			  "http_request_denied",
			  {"The rules of this proxy do not let you go there.",
			   "이 프록시의 규칙이 그곳으로 가는 것을 허용하지 않습니다."}},
	[REFUSAL_BLOCKED] = {"blocked",
			     403,
			     "http_request_denied",
			     {"This name is on a list of what is blocked here.",
			      "이곳에서 차단하는 목록에 있는 이름입니다."}},
	[REFUSAL_ANSWER] = {"answer",
			    502,
			    "http_protocol_error",
			    {"The server answered what only a proxy may answer.",
			     "프록시만 할 수 있는 답을 서버가 했습니다."}},
};

const struct refusal_facts *refusal_facts(enum refusal why)
{
	ASSERT((unsigned)why < REFUSALS);
	return &all[why];
}

/* Of those that are not here nothing more is known. */
static const struct {
	const char *error, *text[PAGE_LANGUAGES];
} causes[PROXY_CAUSES] = {
	[PROXY_CONNECT_FAILED] = {"connection_refused",
				  {"The server could not be reached.",
				   "서버에 닿을 수 없었습니다."}},
	[PROXY_CONNECT_TIME] = {"connection_timeout",
				{"The server did not take a connection in time.",
				 "서버가 제때 연결을 받지 않았습니다."}},
	[PROXY_BACK_STALE] = {"connection_terminated",
			      {"The server ended the connection before it had answered.",
			       "서버가 답을 마치기 전에 연결을 끊었습니다."}},
	[PROXY_BACK_CLOSED] = {"connection_terminated",
			       {"The server ended the connection before it had answered.",
				"서버가 답을 마치기 전에 연결을 끊었습니다."}},
	[PROXY_BACK_TORN] = {"connection_terminated",
			     {"The server ended the connection before it had answered.",
			      "서버가 답을 마치기 전에 연결을 끊었습니다."}},
	[PROXY_BACK_FORMAT] = {"http_protocol_error",
			       {"The server's answer is none that HTTP allows.",
				"서버의 답이 HTTP에 맞지 않습니다."}},
	[PROXY_BACK_HEAD_LIMIT] = {"http_response_header_section_size",
				   {"The head of the server's answer is too long.",
				    "서버의 답의 머리가 너무 깁니다."}},
	[PROXY_BACK_TIME] = {"http_response_timeout",
			     {"The server did not answer in time.",
			      "서버가 제때 답하지 않았습니다."}},
	[PROXY_BACK_BODY_TIME] = {"http_response_timeout",
				  {"The server did not answer in time.",
				   "서버가 제때 답하지 않았습니다."}},
	[PROXY_WHOLE_TIME] = {"http_response_timeout",
			      {"The server did not answer in time.",
			       "서버가 제때 답하지 않았습니다."}},
	[PROXY_CLIENT_BODY_LIMIT] = {"http_request_denied",
				     {"The body of the request is longer than is allowed.",
				      "요청의 본문이 허용된 것보다 깁니다."}},
	[PROXY_CLIENT_BODY_TIME] = {"http_request_error",
				    {"The request did not come as it should.",
				     "요청이 제대로 오지 않았습니다."}},
	[PROXY_CLIENT_FORMAT] = {"http_request_error",
				 {"The request did not come as it should.",
				  "요청이 제대로 오지 않았습니다."}},
	[PROXY_NO_BACK] = {"proxy_internal_response",
			   {"The proxy has no room for this now; try again later.",
			    "프록시에 지금 여유가 없습니다. 잠시 뒤에 다시 시도해 주세요."}},
	[PROXY_BUSY] = {"proxy_internal_response",
			{"The proxy has no room for this now; try again later.",
			 "프록시에 지금 여유가 없습니다. 잠시 뒤에 다시 시도해 주세요."}},
	[PROXY_DRAINED] = {"proxy_internal_response",
			   {"The proxy ends; try again in a moment.",
			    "프록시가 끝나는 중입니다. 곧 다시 시도해 주세요."}},
};

struct refusal_facts refusal_of_cause(enum proxy_cause cause, unsigned status)
{
	struct refusal_facts f = {
		.word = proxy_cause_text(cause),
		.status = status,
		.error = "proxy_internal_error",
		.text = {"The request could not be answered.", "요청에 답할 수 없었습니다."}};
	if ((unsigned)cause >= PROXY_CAUSES || !causes[cause].error)
		return f;
	f.error = causes[cause].error;
	for (unsigned i = 0; i < PAGE_LANGUAGES; i++)
		f.text[i] = causes[cause].text[i];
	return f;
}
