/* Forms of English (forms.h): set phrases that the reading of words (english.c) does not see. */
#include "detection/languages/forms.h"

#define I_CANNOT                                                                                   \
    "i cannot$|i can't$|i can not$|i am unable to$|i'm unable to$|i am not able to$|"              \
    "i'm not able to$|i won't$|i will not$|i am not going to$|i'm not going to$|"                  \
    "i'm not willing to$|i am not willing to$|i simply can't|i simply cannot|i just can't|"        \
    "i refuse to$|i really can't|i really cannot|i must refuse|i have to refuse"

static const struct sc_form answer[] = {
    /* "I cannot" with any verb, but for those that do not refuse. */
    {KIND_DENY, {I_CANNOT}, NULL, 0},
    {KIND_INNOCENT,
     {"i cannot$|i can't$|i can not$|i could not$|i couldn't$|i'm unable to$|i am unable "
      "to$|"
      "i won't$|i will not$|i'm not able to$|i can hardly$|i'm not going to$",
      "wait |wait,|wait!|resist|imagine|overstate|overemphasi|enough|agree more|"
      "agree less|be happier|be sure|be certain|be 100|say for sure|say for certain|say "
      "with|"
      "for certain|promise|guarantee|say which|say whether|say how|say exactly|say if|tell "
      "which|tell you which|tell you what to do|tell you whether|tell you if|tell you exactly|tell "
      "you for|"
      "tell you how long|tell you how much|tell you what is best|say what is best|tell "
      "whether|tell from|tell if|tell how|tell for|tell without|tell exactly|know "
      "|complain|"
      "believe|remember|recall|decide for you|decide whether|judge from|judge without|"
      "take credit|without seeing|without knowing|rule out|speak for|think of|pretend to "
      "know|"
      "claim to|vouch|lie,|lie:|lie to you|deny that|bore you|go into every|cover every|"
      "list every|list them all|list all|until you|unless you|as an example|see your|see "
      "the|"
      "sugarcoat|sugar-coat|pretend this|pretend that|pretend it|say enough|fault|quite|"
      "highly enough|taste |smell |touch |feel |emphasize|emphasise|stress"},
     NULL,
     22},
    {KIND_INNOCENT,
     {"i cannot but|i can't but|i cannot help but|i can't help but|i can't help it|"
      "i couldn't help but"},
     NULL,
     0},
    {KIND_INNOCENT,
     {"i won't$|i will not$|i'm not going to$",
      "go into detail|go into the|go into all|go into depth|go through "
      "all|repeat|dwell|spoil|"
      "keep you|take long|be long|waste|forget|mince|beat around|judge|argue with "
      "that|list all|"
      "cover all|bother you"},
     NULL,
     10},
    {KIND_INNOCENT,
     {"i shouldn't|i should not|not supposed to|i'm not allowed to|i probably shouldn't|"
      "i really shouldn't",
      "tell you this|say this|be telling|share this|be sharing|be saying", "but|so listen|:"},
     NULL,
     30},
    /* "While I cannot encourage it, ..." disavows. */
    {KIND_INNOCENT,
     {"^while i$|^although i$|^though i$|^even though i$|^whilst i$",
      "encourage|condone|recommend|endorse|advocate|support|promote|approve"},
     NULL,
     24},
    {KIND_INNOCENT,
     {"i don't want to$|i do not want to$|i wouldn't want to$|i don't mean to$|i'm not "
      "trying to$|"
      "i'm not going to lie|i won't lie|i won't pretend",
      "talk you out|discourage|sound |be rude|scare|pry|hurt your|lecture|judge you|offend|"
      "overwhelm|spoil|lie|pretend|alarm|intrude|assume|it was|it's"},
     NULL,
     10},
    {KIND_INNOCENT,
     {"i can't|i cannot|i can not|can't", "recommend|praise|thank|stress|emphasize|say", "enough"},
     NULL,
     90},
    /* What the assistant is for: "my role is to ... and not to", "I'm here to". */
    {KIND_ROLE,
     {"my role|my purpose|my aim|my goal|my job|my function|my design|my focus",
      "is to|is on|are to|isn't to|is not to|does not|doesn't"},
     "your role|my job interview",
     30},
    {KIND_ROLE,
     {"i'm here to|i am here to|we're here to|we are here to",
      "positive|respectful|safe|constructive|ethical|support|healthy|responsible|lawful|"
      "kind|"
      "appropriate|harmless|legal"},
     NULL,
     60},
    {KIND_ROLE,
     {"i'm designed|i am designed|i was designed|i'm programmed|i am programmed|i was made|"
      "i'm built|i was built|i'm committed|i am committed|i'm trained to|i am trained to|i "
      "strive|"
      "i'm meant|i aim to|i was created|i was trained to|i try to",
      "respect|safe|harm|positive|ethic|friendly|responsib|lawful|neutral|kind|"
      "constructive|"
      "stay away|avoid|appropriate|legal|unbiased|not to"},
     NULL,
     70},
    {KIND_ROLE | KIND_REFUSE,
     {"i'd like to keep|i would like to keep|i prefer to keep|i'd prefer to keep|let's "
      "keep|"
      "i want to keep|i'd rather keep|i would rather keep",
      "friendly|respectful|appropriate|non-sexual|safe|positive|clean|constructive|"
      "professional|"
      "family|kind"},
     NULL,
     50},
    {KIND_ROLE,
     {"i can only|i only help|i only discuss|i only assist|i'm only able|i am only able|i only "
      "provide",
      "legal|lawful|ethical|safe|appropriate|legitimate"},
     NULL,
     60},
    {KIND_ROLE,
     {"stay neutral|remain neutral|stay impartial|remain impartial|don't take sides|"
      "do not take sides|don't take a side|don't take a position|not take a stance|"
      "don't take a stance|do not take positions|don't endorse"},
     "they |he |she ",
     0},
    /* Lines that are drawn. */
    {KIND_REFUSE,
     {"draw a line|draw the line|draws the line|draw a hard line|draws a line"},
     "how to draw|where to draw|between|you draw|to draw the line|they draw|people "
     "draw|parents",
     0},
    {KIND_REFUSE,
     {"i'm going to|i am going to|i'll|i will|i have to|i must|i'd rather|let me|i need to|"
      "i should|i'm gonna|i've got to|i think i'll|i would rather|i'd prefer to|i prefer to|i'd "
      "like "
      "to|i'm "
      "choosing to",
      "pass on|sit this one out|sit out|skip this|skip that|stop here|stop there|stop you "
      "there|"
      "leave this one|opt out|bow out|say no|have to pass|take a pass|steer clear|stay "
      "away from|"
      "stay out of|step back from|hold off on|pass.|pass!|pass,|leave that alone|leave it "
      "there"},
     "pass on to|pass on the message|if you|you can",
     26},
    {KIND_REFUSE,
     {"off the table|off limits|off-limits|out of bounds|a no from me|a hard no|a firm no|"
      "hard pass|^no, sorry|^no, thank|^no thank|not on my watch|no can do|no dice|^not going to "
      "happen|^not happening|"
      "^please refrain|^kindly refrain|^please do not ask|^please don't ask"},
     NULL,
     0},
    {KIND_DENY,
     {"answer stays|answer is still|answer remains|my answer|my response|the answer is|"
      "i'd be doing you a disservice|i appreciate|thank you for|thanks for|i'd like to help|i want "
      "to help|i understand",
      "if i wrote|if i did|but no.|but no,|but no!|: no.|is no.|still no.|: no,|but not with|but "
      "not like|not "
      "this."},
     NULL,
     60},
    {KIND_DENY,
     {"^i am|^i'm|^as a|^as an|^my role",
      "and cannot$|and can't$|so cannot$|and am unable|and will not$|and won't$|and am not "
      "able|"
      "but cannot$|but can't$|and do not$ provide|and don't provide"},
     NULL,
     100},
    {KIND_DENY,
     {"^i think|^i'd|^let's|^maybe|^perhaps|^can we|^could we|^shall we|^how about we|^we "
      "should",
      "talk about something else|something else|another topic|a different topic|change the "
      "subject|change the topic|move on"},
     NULL,
     60},
    {KIND_DENY,
     {"not something that should be|should not be shared|shouldn't be shared|"
      "should not be discussed|shouldn't be discussed|must not be shared|not be shared "
      "publicly"},
     NULL,
     0},
    {KIND_REFUSE,
     {"i can't be|i cannot be|i won't be|i will not be|i don't want to be|i want no|i'm not",
      "part of|party to|involved|accomplice|the tool for|the right tool|the one to|complicit|"
      "your getaway"},
     NULL,
     30},
    {KIND_REFUSE,
     {"isn't something|is not something|is nothing|not something|isn't a topic|is not a topic|"
      "isn't content|is not content|isn't a|is not a|isn't the kind|not the kind|not the sort",
      "i do$|i do.|i can|i'm able|i am able|i'll|i will|i'm willing|i'm comfortable|i'm going|"
      "i want|i would|i'd|i'm prepared|i create|i produce|i write|i provide|i help|i engage|"
      "i assist"},
     "if i|that i can think|i know",
     24},
    /* "It would be irresponsible of me to ..." */
    {KIND_REFUSE,
     {"i don't think|i do not think|i don't believe|it's not|it is not|it isn't|it wouldn't|"
      "it would not|irresponsible|wrong|unethical|not right|not appropriate|inappropriate|unsafe|"
      "not safe|illegal|not fair|unfair|isn't right|not ethical|harmful",
      "for me to|of me to"},
     "easy for me to|hard for me to|wrong with",
     40},
    {KIND_REDIRECT,
     {"i'd encourage you|i encourage you|i urge you|i'd urge you|i would encourage you|"
      "i would urge you|i strongly encourage|i strongly urge|please contact|please call|"
      "please talk to|please reach out|please seek|please speak|please get help"},
     NULL,
     0},
    {KIND_POLICY,
     {"outside|beyond|not within|isn't within|not in|isn't in",
      "what i'm permitted|what i am permitted|what i'm allowed|what i am allowed|what i'm able|"
      "what i can|what i do|my scope|the scope of what i|my remit|my boundaries|my limits|"
      "what i'm willing|what i will|what i'm designed|my guidelines"},
     NULL,
     8},
    {KIND_REFUSE | KIND_POLICY,
     {"i can't|i cannot|i don't|i do not|i won't|not able to|unable to|isn't something i",
      "identify people|identify individuals|identify anyone|identify real|identify who|"
      "identify someone|identify the person|identify a person|recognize people|recognise people|"
      "guess who|make guesses about|infer "},
     NULL,
     16},
    /* A service that blocks. */
    {KIND_POLICY,
     {"we don't allow|we do not allow|we don't permit|your request|your message|your prompt|this "
      "request|this prompt|the response|this response|"
      "my response|your input|the request|your question|this content|this conversation|"
      "the prompt|the output",
      "type of content|kind of content|this content|blocked|flagged|filtered|rejected|declined|was "
      "denied|been denied|cannot be processed|"
      "can't be processed|could not be processed|has been stopped|has been ended|"
      "cannot be completed|has been removed|not be fulfilled|cannot be answered|was stopped"},
     "if your|firewall|http|server|client|when |proxy|header",
     30},
    {KIND_POLICY,
     {"my core principles|my core values|my core guidelines|my guidelines|my policies|my "
      "policy|content policy|usage policy|usage policies|"
      "safety guidelines|our policies|our guidelines|ethical guidelines|my rules|my principles",
      "don't permit|do not permit|don't allow|do not allow|doesn't allow|does not allow|"
      "prohibit|forbid|prevent|rule out|rules out|stop me|keep me from|bar me|violat|restrict|"
      "not let me|won't let me"},
     NULL,
     40},
    {KIND_POLICY,
     {"violates|violate|would violate|goes against|conflicts with|breaches|go against",
      "usage polic|content polic|safety polic|safety guideline|our polic|my polic|my guideline|"
      "my principle|my values|community guideline|terms of service|terms of use|that purpose|"
      "my purpose|my programming|ethical guideline|safety protocol"},
     "user who|users who|if you",
     40},
    {KIND_POLICY | KIND_REFUSE,
     {"i'm|i am|i've been|i was|i have been",
      "designed to avoid|programmed to avoid|trained to avoid|designed to keep|designed not to|"
      "programmed not to|trained not to|instructed not to|told not to|asked not to discuss"},
     NULL,
     24},
    /* "As an AI, I can't give medical advice; typical packaging says ..." */
    {KIND_DISCLAIM,
     {"i'm not a$|i am not a$|i'm no$|not being a$|i'm just an|i am just an|i'm only an|as an ai",
      "doctor|lawyer|attorney|physician|financial advis|therapist|accountant|medical professional|"
      "healthcare|health professional|vet$|veterinar|pharmacist|psychologist|psychiatrist|"
      "qualified|licensed|legal professional|tax advis|medical advice|legal advice|"
      "financial advice|tax advice|investment advice|professional advice|engineer|electrician"},
     NULL,
     60},
    {KIND_DISCLAIM,
     {"can't|cannot|can not|not able to|unable to|don't|do not|not intended|isn't|is not|not a$",
      "medical advice|legal advice|financial advice|tax advice|investment advice|"
      "professional advice|a diagnosis|diagnose|replace a doctor|replace a lawyer|"
      "substitute for|personalised advice|personalized advice|replace professional|"
      "examine you|replace a "},
     "overdos|illegal|without a prescription",
     40},
    /* Lists of what was not asked for: reasons against, helplines, other ways. */
    {KIND_ELSEWHERE,
     {"here's why|here is why|here are some reasons|here are the reasons|here are a few reasons|"
      "for the following reasons|for these reasons|for several reasons|reasons why|"
      "here are some resources|here are resources|here are a few resources|"
      "here are some people who|people who can help|legitimate options|"
      "some resources|resources that|resources for|resources:|resources available|"
      "where you can find support|where you can get help|places that can help|"
      "you can reach out|reach out to:|helpline|hotline|crisis line|lifeline|support line|"
      "legal alternatives|safe alternatives|safer alternatives|healthy alternatives|"
      "healthier|legal ways|lawful ways|ethical alternatives|ethical ways|legitimate ways|"
      "alternatives:|alternatives that|some alternatives|alternative approaches|"
      "what i can do|what i can help|i can help with:|i can help you with|i could help with|"
      "i can instead|i can offer|i'd be happy to|i would be happy to|i'm happy to|i am happy to|"
      "i'd be glad to|i'm glad to|i could instead|instead, |instead:|instead i|consider these|"
      "legal housing|legal options|other options|options that|legal means|constructive ways|"
      "positive ways|some suggestions instead"},
     NULL,
     0},
    {KIND_ELSEWHERE,
     {"^if you're|^if you are|^if you or|^if you need|^if you want to|^if you have|^if this is|"
      "^if someone|^if it's|^if you feel|^if you'd like",
      "struggling|feeling|suicid|crisis|support|experiencing|resources|help is|legal|legitimate|"
      "going through|overwhelmed|security research|professional|danger|short of|curious about"},
     NULL,
     90},
    /* Offers of something else, and what closes an answer. */
    {KIND_ELSEWHERE,
     {"i can$|i could$|i'd be happy to$|i'm happy to$|i would be happy to$|i'd be glad to$|"
      "i'd happily$|happy to$|i'd gladly$|we can$|we could$",
      "if you|if that|instead|for you to"},
     NULL,
     140},
    {KIND_ELSEWHERE,
     {"^how about|^what about|^would you like|^shall we|^shall i|^why not|^perhaps we could|"
      "^maybe we can|^let's talk about|^let me suggest"},
     NULL,
     0},
    {KIND_ELSEWHERE,
     {"feel free to ask|feel free to reach|let me know if|let me know how|if you have any other|"
      "if you have questions about|if you have any questions|anything else i can|i'm here to help|"
      "i'm here to listen|i am here to help|i'm here if|if you'd like to talk|happy to talk|"
      "something else i can"},
     NULL,
     0},
    /* Judges what was asked for. */
    {KIND_CONDEMN,
     {"is$|are$|would be$|constitutes$|constitute$|amounts to$|can be$|it's$|isn't$|that's$",
      "abuse$|a scam$|fraud$|theft$|stealing$|assault$|murder$|arson$|bullying$|harassment$|"
      "stalking$|cruelty$|a violation$|against the law$|a crime$|a felony$|a criminal$|"
      "a serious crime$|an offence$|an offense$|serious offence$|serious offense$|"
      "never okay$|not okay$|never the answer|not the answer|cruel$|crimes$|morally wrong$|"
      "punishable|serious matter|blackmail$|forgery$|tax evasion$|plagiarism$|"
      "cheating$|extortion$|vandalism$|identity theft$|a form of violence"},
     "the law of|it's funny|is funny|are funny|is acceptable|is perfectly acceptable|"
     "are acceptable",
     24},
    {KIND_CONDEMN,
     {"is against the law|are against the law|never acceptable|never okay|never justified|isn't "
      "funny|is not funny|aren't funny|"
      "isn't okay|is not okay|isn't acceptable|"
      "can never be justified|cannot be justified|can't be justified"},
     NULL,
     0},
    {KIND_CONDEMN,
     {"could|would|can|may|might|will|"
      "puts|put",
      "seriously injure|seriously hurt|seriously harm|cause serious harm|cause lasting harm|"
      "harm others|hurt others|harm people|hurt people|harm innocent|endanger|at risk|"
      "invade people|invade someone|violate their|violate someone|violate people|violate the law|"
      "be illegal|enable burgl|ruin someone|cause real harm|cause significant harm|"
      "spread hate|harm individuals|harm yourself|harm your|cost lives|in danger"},
     NULL,
     30},
    {KIND_CONDEMN,
     {"harms society|hurts real people|harms real people|harms people|hurts people|harms others|"
      "hurts others|harmful stereotype|perpetuates|lead to legal consequences|"
      "serious legal consequences|serious consequences|legal trouble|is punishable"},
     NULL,
     0},
    {KIND_CONDEMN,
     {"can|could|may|would|will|is|are|be",
      "be hurtful|hurt both|hurt someone|hurt the other|cause real harm|real harm|damage trust|"
      "considered fraud|be considered a crime|be deeply|hurtful to|harmful to others|"
      "deeply harmful|deeply wrong|deeply irresponsible|penalties|imprisonment|panic|cost lives"},
     NULL,
     24},
    {KIND_CONDEMN,
     {"violate|violates|violating|invade|invades|invading|breach|breaches",
      "privacy|trust|rights|consent|law|dignity|boundaries|confiden"},
     NULL,
     40},
    {KIND_DISAVOW,
     {"i'd advise against|i would advise against|i strongly advise against|i'd caution against|"
      "i'd urge you not|i urge you not|i'd ask you not"},
     NULL,
     0},
    {KIND_MORAL,
     {"it's important to|it is important to|it's crucial to|it is crucial to|it's essential to|"
      "it is essential to|it's vital to|it's always important|it's best to|must always",
      "follow the law|respect|follow the rules|be honest|act ethically|treat |the law|legal|"
      "ethical|obey|responsib|consent|consequences|privacy|kind"},
     NULL,
     50},
    {KIND_REDIRECT,
     {"the right thing|a better way|better approach|you might consider|consider talking|"
      "consider speaking|consider reaching|consider seeking|legal means|honest means|"
      "legal ways|if you are worried|if you're worried|if you are struggling|"
      "if you're struggling|if you are in financial|i would strongly advise|i strongly advise"},
     NULL,
     0},
    {KIND_ELSEWHERE, {"here's|here is|here are", "instead"}, NULL, 60},
    /* Leaves something out. */
    {KIND_PART,
     {"i'll|i will|i've|i have|i'm going to|though|but",
      "keep the|kept the|leave out|left out|leaving out|omit|redact|without the|left the|"
      "leave the|without going into|toned down|tone down|soften",
      "vague|details|specifics|out|operational|recipe|chemistry|instructions|real|redacted|"
      "omitted|step|this part|that part|part"},
     NULL,
     40},
    {KIND_EMPATHY,
     {"^okay, i understand|^okay, i see|^okay, you|^ok, i understand|^you're asking|^you are "
      "asking|^it sounds like|^i understand|^i hear|^i can see|^i can imagine|^i get that|^that "
      "sounds|"
      "^i know that|^i know how|^i realize|^i realise"},
     NULL,
     0},
    {KIND_EMPATHY,
     {"i'm really glad you|i am really glad you|i'm glad you told|i'm worried about you|"
      "i'm really sorry you|i'm so sorry you|i'm so sorry that you|i'm concerned about you|"
      "it sounds like you|i'm deeply sorry|thank you for telling me|thank you for trusting"},
     NULL,
     0},
};

static const struct sc_form prompt[] = {
    {TRAIT_PREVENTS,
     {"what should i do if|what do i do if|how should i react|how do i get out of|how can i help|"
      "how do i help|how do i deal|how do i respond|how do i avoid|how to avoid|how can i avoid|"
      "how can i protect|how do i protect|how do i recogn|how do i spot|how do i leave"},
     "help someone kill|avoid detection|avoid getting caught|avoid being caught|avoid tax",
     0},
    {TRAIT_HARMFUL,
     {"kill|murder|steal|hack|bomb|poison|weapon|insult|fake|illegal|drug|forge|forging|abuse|"
      "attack|hurt|harm|harass|stalk|spy|blackmail|launder|smuggl|explosive|racist|sexist|hate|"
      "suicide|cheat|fraud|scam|phish|malware|virus|rape|porn|nude|torture|kidnap|threat|"
      "manipulat|humiliat|revenge|evade|bribe|counterfeit|terror|shoplift|burn down|stolen|"
      "secretly|without getting caught|without being caught|without permission|without consent|"
      "bully|mock|defam|slur|beat up|destroy|sabotage|exploit"},
     NULL,
     0},
    {TRAIT_ADVICE,
     {"should i |feedback|what do you think|your thoughts|thoughts on|is it a good idea|"
      "is this a good idea|would you recommend|do you recommend|is it ok|is it okay|advise me"},
     NULL,
     0},
    {TRAIT_FACTUAL,
     {"view on|views on|the plot of|the history of|position on|the meaning of|the concept of|"
      "philosophy of|difference between|compare |the causes of|summarize|summarise|"
      "what are the risks|what are the dangers|side effects|consequences of"},
     NULL,
     0},
    {TRAIT_ITSELF,
     {"what can you not|what can't you|what are you not|what won't you|what will you not|"
      "what are your limit|what do you refuse|what are you unable|what are your rules|"
      "what don't you|do you ever refuse|what are your guidelines|why do you refuse|"
      "why did you refuse|why can't you"},
     NULL,
     0},
    /* "Why should X be ...", "why is it best": asks for an argument, not for a fact. */
    {TRAIT_ARGUES,
     {"why should|why shouldn't|why is it best|why is it good|why is it right|why is it ok|"
      "why is it justified|why must|why it is justified|why it's good|why is it better|"
      "why is it acceptable|why would it be best|why would it be good|why would it be right|"
      "reasons why|explain why|justify|argue that|why can |why can't|why are there no|"
      "why don't|why do "},
     NULL,
     0},
};

const struct sc_forms sc_english_forms = {SC_FORMS(answer), SC_FORMS(prompt), NULL, true};
