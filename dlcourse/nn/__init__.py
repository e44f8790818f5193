"""Operations as pairs of equations, layers that remember, networks over one flat vector."""
