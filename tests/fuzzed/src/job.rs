use filmgate::job::{InputName, JobRequest, Params, Period, RefId, RefName, UserId};
use filmgate::limits::PARAMS_BYTES_MAX;
use serde_json::Value;

/// A job's parts: the first line is its user, the second its period, the third an input's name, the fourth and fifth a
/// reference; the rest are its parameters.
///
/// What is accepted is in its documented bounds and is the same text when it is read again.
pub fn job(bytes: &[u8]) {
    let lines = crate::lines(bytes);
    let line = |number: usize| lines.get(number).cloned().unwrap_or_default();
    let params = lines.get(5..).unwrap_or_default().join("\n");
    if let Ok(params) = Params::try_from(params.clone()) {
        assert!(params.as_str().len() <= PARAMS_BYTES_MAX);
        if let Err(error) = serde_json::from_str::<Value>(params.as_str()) {
            // JSON itself has no bound for these; who reads the parameters says what is too much.
            let beyond = ["number out of range", "recursion limit exceeded"];
            assert!(beyond.iter().any(|fault| error.to_string().starts_with(fault)), "{error}");
        }
        assert_eq!(params.as_str().parse::<Params>().expect("and stay so"), params);
    }
    if let Ok(period) = line(1).parse::<Period>() {
        assert!((1970..=9999).contains(&period.year()) && (1..=12).contains(&period.month()));
        assert_eq!(period.to_string().parse::<Period>().expect("a period"), period);
    }
    let Ok(user) = UserId::try_from(line(0)) else { return };
    assert!((1..=128).contains(&user.as_str().len()) && !matches!(user.as_str(), "." | ".."));
    assert!(!user.as_str().contains(['/', '\\', '%', '\0', '\n']));
    let mut request = JobRequest::new(user);
    if let Ok(name) = InputName::try_from(line(2)) {
        assert!(!name.as_str().contains(['/', '\\', '\0']) && !matches!(name.as_str(), "" | "." | ".."));
        request = request.with_input(name.clone(), "unread").expect("the first input");
        request.clone().with_input(name, "unread").expect_err("a name given twice");
    }
    if let (Ok(name), Ok(id)) = (line(3).parse::<RefName>(), line(4).parse::<RefId>()) {
        request.with_ref(name, id).expect("the first reference");
    }
}
