"""The red door in fifteen lines: from a diagram to a verdict on trained agents."""

import cidmesa as cm

edges = [("door", "red"), ("door", "go"), ("red", "go"), ("go", "at_door"), ("door", "at_door"), ("go", "at_red"),
         ("red", "at_red"), ("at_door", "reward")]  # fmt: skip
base = cm.CID(edges, decisions=["go"], utilities=["reward"])
model = base.parameterise(
    door=cm.Uniform("left", "right"), red=lambda door: door, go=["left", "right"], reward=lambda at_door: at_door,
    at_door=lambda go, door: int(go == door), at_red=lambda go, red: int(go == red),
)  # fmt: skip
setup = cm.TrainingSetup(model, deployments={"repainted": {"red": cm.Uniform("left", "right")}})
print(cm.incentives(base))  # what the base diagram wants to know, respond to and control
family = cm.derive_mesa_optimizers(setup)
print(family, family["at_red"].deployment_regret)  # what training could have produced, and what that costs
agents = cm.train(setup, family=family, learner="exact", encoders={"door": cm.agents.parity(3)}, agents=32)
report = cm.validate(family, agents)
print(report)  # every prediction, made before training, with its verdict
report.to_html("report.html")
